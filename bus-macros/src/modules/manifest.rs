//! Which dependencies of the crate that is being compiled are modules, as far as manifests on this disk tell.
//!
//! A false alarm is worse than silence: what is not certain (an optional dependency, one for some targets only, one that
//! is not on this disk) is not reported.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// The dependencies of a crate, those of its tests included.
#[derive(Default)]
pub(super) struct Manifest {
    dependencies: Vec<Dependency>,
}

struct Dependency {
    /// The name that the depending crate knows it by.
    name: String,
    /// The name that it was compiled with, if that is certain.
    crate_name: Option<String>,
    /// Whether it is always linked, if only it is named, and may hold messages and handlers.
    is_module: bool,
}

/// Reads the manifest in a folder.
type Read<'a> = &'a dyn Fn(&Path) -> Option<Table>;

impl Manifest {
    /// The manifest beside the crate that is being compiled; empty where there is none, or none that can be read.
    pub(super) fn of_this_crate() -> Self {
        let read = |folder: &Path| fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok();
        let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let manifest = folder.and_then(|folder| Manifest::read(&folder, &read)).unwrap_or_default();
        if wants_every_module() { manifest } else { manifest.without_modules() }
    }

    /// The same names, and nothing that must be linked.
    fn without_modules(self) -> Self {
        let dependencies = self.dependencies.into_iter();
        Manifest { dependencies: dependencies.map(|found| Dependency { is_module: false, ..found }).collect() }
    }

    /// A manifest with these modules.
    #[cfg(test)]
    pub(super) fn of(modules: &[&str]) -> Self {
        let module = |name: &&str| Dependency {
            name: (*name).to_owned(),
            crate_name: Some((*name).to_owned()),
            is_module: true,
        };
        Manifest { dependencies: modules.iter().map(module).collect() }
    }

    fn read(folder: &Path, read: Read<'_>) -> Option<Self> {
        let table = read(folder)?;
        let site = Site { folder, workspace: workspace_of(folder, &table, read), read };
        let everywhere = sections(&table).flat_map(|section| site.dependencies(section, true));
        let elsewhere = table.get("target").and_then(Value::as_table).into_iter().flatten();
        let elsewhere = elsewhere.filter_map(|(_, target)| target.as_table()).flat_map(sections);
        let elsewhere = elsewhere.flat_map(|section| site.dependencies(section, false));
        Some(Manifest { dependencies: everywhere.chain(elsewhere).collect() })
    }

    /// The dependencies that may hold messages and handlers: the name that this crate knows each by, and the one that it
    /// was compiled with.
    pub(super) fn modules(&self) -> impl Iterator<Item = (&str, &str)> {
        let modules = self.dependencies.iter().filter(|dependency| dependency.is_module);
        modules.filter_map(|dependency| Some((&*dependency.name, dependency.crate_name.as_deref()?)))
    }

    /// The name that what is called `name` here was compiled with, if that is certain.
    pub(super) fn crate_name<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut found = self.dependencies.iter().filter(|dependency| dependency.name == name);
        let Some(first) = found.next() else { return Some(name) };
        let is_certain = found.all(|other| other.crate_name == first.crate_name);
        first.crate_name.as_deref().filter(|_| is_certain)
    }
}

/// Whether a list that leaves out a dependency is a mistake here: not in an integration test, a benchmark or a doc test,
/// which take what they need.
fn wants_every_module() -> bool {
    env::var_os("CARGO_CRATE_NAME").is_some() && env::var_os("CARGO_TARGET_TMPDIR").is_none()
}

/// The sections with what code may name, the one that is always linked first.
fn sections(table: &Table) -> impl Iterator<Item = (bool, &Table)> {
    let section = |name| table.get(name).and_then(Value::as_table);
    let linked = section("dependencies").map(|section| (true, section));
    linked.into_iter().chain(section("dev-dependencies").map(|section| (false, section)))
}

/// Where dependencies are written.
struct Site<'a> {
    folder: &'a Path,
    workspace: Option<(PathBuf, Table)>,
    read: Read<'a>,
}

impl Site<'_> {
    fn dependencies(&self, (linked, section): (bool, &Table), always: bool) -> Vec<Dependency> {
        let read = section.iter().filter_map(|(key, value)| self.dependency(key, value.as_table()?));
        read.map(|found| Dependency { is_module: found.is_module && linked && always, ..found }).collect()
    }

    fn dependency(&self, key: &str, written: &Table) -> Option<Dependency> {
        let (base, value) = match &self.workspace {
            Some((root, table)) if is_true(written, "workspace") => (&**root, inherited(table, key)?),
            _ => (self.folder, written),
        };
        let known_as = key.replace('-', "_");
        let path = value.get("path").and_then(Value::as_str);
        let theirs = path.and_then(|path| (self.read)(&base.join(path)));
        let crate_name = theirs.as_ref().and_then(library_name);
        let name = if value.contains_key("package") { known_as } else { crate_name.clone()? };
        let is_module = theirs.is_some_and(|theirs| may_register(&theirs)) && !is_true(written, "optional");
        Some(Dependency { name, crate_name, is_module })
    }
}

/// The workspace of a package: the nearest manifest with a `[workspace]` in its folder or above it, unless it names one.
fn workspace_of(folder: &Path, table: &Table, read: Read<'_>) -> Option<(PathBuf, Table)> {
    let named = table.get("package").and_then(|package| package.get("workspace")).and_then(Value::as_str);
    if let Some(named) = named {
        let root = folder.join(named);
        return read(&root).map(|table| (root, table));
    }
    folder.ancestors().find_map(|folder| {
        let table = read(folder)?;
        table.contains_key("workspace").then(|| (folder.to_owned(), table))
    })
}

fn inherited<'a>(workspace: &'a Table, key: &str) -> Option<&'a Table> {
    workspace.get("workspace")?.get("dependencies")?.get(key)?.as_table()
}

fn is_true(table: &Table, key: &str) -> bool {
    table.get(key).and_then(Value::as_bool) == Some(true)
}

fn library_name(manifest: &Table) -> Option<String> {
    let library = manifest.get("lib").and_then(|library| library.get("name"));
    let name = library.or_else(|| manifest.get("package")?.get("name"))?;
    Some(name.as_str()?.replace('-', "_"))
}

/// Whether the library of a package depends on linkbus and is one that can be linked.
fn may_register(manifest: &Table) -> bool {
    let section = |name| manifest.get(name).and_then(Value::as_table);
    let is_macros = section("lib").is_some_and(|library| is_true(library, "proc-macro"));
    !is_macros && section("dependencies").into_iter().flatten().any(|(key, value)| is_linkbus(key, value))
}

fn is_linkbus(key: &str, value: &Value) -> bool {
    let optional = value.as_table().is_some_and(|value| is_true(value, "optional"));
    let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
    package == "linkbus" && !optional
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manifest of `/app` on a disk with these folders; every folder below `/` that is not the app uses linkbus.
    fn manifest(app: &str, others: &[(&str, &str)]) -> Manifest {
        let read = |folder: &Path| {
            let folder = folder.to_str()?.replace("/app/../", "/").replace("/./", "/");
            let text = match &*folder {
                "/app" => Some(app),
                _ => others.iter().find(|(name, _)| *name == folder).map(|(_, text)| *text),
            };
            text?.parse().ok()
        };
        Manifest::read(Path::new("/app"), &read).expect("the app has a manifest")
    }

    const ORDERS: (&str, &str) = ("/orders", "package.name = 'shop-orders'\ndependencies.linkbus = '1'");

    fn modules(manifest: &Manifest) -> Vec<(&str, &str)> {
        manifest.modules().collect()
    }

    #[test]
    fn a_hyphen_is_an_underscore_in_code() {
        let manifest = manifest("dependencies.shop-orders.path = '../orders'", &[ORDERS]);
        assert_eq!(modules(&manifest), [("shop_orders", "shop_orders")]);
    }

    #[test]
    fn a_renamed_dependency_has_a_name_here_and_one_it_was_compiled_with() {
        let manifest = manifest("dependencies.orders-v2 = { package = 'shop-orders', path = '../orders' }", &[ORDERS]);
        assert_eq!(modules(&manifest), [("orders_v2", "shop_orders")]);
        assert_eq!(manifest.crate_name("orders_v2"), Some("shop_orders"));
    }

    #[test]
    fn a_library_may_have_another_name_than_its_package() {
        let orders = ("/orders", "package.name = 'x'\nlib.name = 'orders'\ndependencies.linkbus = '1'");
        let manifest = manifest("dependencies.x.path = '../orders'", &[orders]);
        assert_eq!(modules(&manifest), [("orders", "orders")]);
    }

    #[test]
    fn a_dependency_may_be_inherited_from_the_workspace() {
        let root = ("/", "workspace.dependencies.orders = { package = 'shop-orders', path = './orders' }");
        let manifest = manifest("dependencies.orders.workspace = true", &[root, ORDERS]);
        assert_eq!(modules(&manifest), [("orders", "shop_orders")]);
    }

    #[test]
    fn what_may_not_be_linked_is_known_by_name_and_is_no_module() {
        for dependency in [
            "dependencies.orders = { package = 'shop-orders', path = '../orders', optional = true }",
            "dev-dependencies.orders = { package = 'shop-orders', path = '../orders' }",
            "target.'cfg(unix)'.dependencies.orders = { package = 'shop-orders', path = '../orders' }",
        ] {
            let manifest = manifest(dependency, &[ORDERS]);
            assert_eq!(modules(&manifest), [], "{dependency}");
            assert_eq!(manifest.crate_name("orders"), Some("shop_orders"), "{dependency}");
        }
    }

    #[test]
    fn what_cannot_register_is_no_module() {
        for orders in [
            "package.name = 'orders'",
            "package.name = 'orders'\ndev-dependencies.linkbus = '1'",
            "package.name = 'orders'\ndependencies.linkbus = { version = '1', optional = true }",
            "package.name = 'orders'\nlib.proc-macro = true\ndependencies.linkbus = '1'",
        ] {
            let manifest = manifest("dependencies.orders.path = '../orders'", &[("/orders", orders)]);
            assert_eq!(modules(&manifest), [], "{orders}");
        }
    }

    #[test]
    fn a_name_that_is_not_certain_is_not_guessed() {
        let registry = manifest("dependencies.orders = { package = 'shop-orders', version = '1' }", &[]);
        assert_eq!(registry.crate_name("orders"), None);

        let by_target = "target.'cfg(unix)'.dependencies.orders = { package = 'a', path = '../a' }\n\
                         target.'cfg(windows)'.dependencies.orders = { package = 'b', path = '../b' }";
        let by_target = manifest(by_target, &[("/a", "package.name = 'a'"), ("/b", "package.name = 'b'")]);
        assert_eq!(by_target.crate_name("orders"), None);
    }

    #[test]
    fn what_the_manifest_does_not_rename_is_called_what_it_is() {
        assert_eq!(manifest("dependencies.orders = '1'", &[]).crate_name("orders"), Some("orders"));
    }
}

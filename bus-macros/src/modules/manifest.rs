//! Which dependencies of the crate that is being compiled are modules, as far as manifests on this disk tell.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// The dependencies of a crate that are read from source on this disk.
#[derive(Default)]
pub(super) struct Manifest {
    dependencies: Vec<Dependency>,
}

/// One dependency by path.
struct Dependency {
    /// The name that the depending crate knows it by.
    name: String,
    /// The name that it was compiled with.
    crate_name: String,
    uses_linkbus: bool,
}

impl Manifest {
    /// The manifest beside the crate that is being compiled; empty where there is none, or none that can be read.
    pub(super) fn of_this_crate() -> Self {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        folder.and_then(|folder| Manifest::read(&folder)).unwrap_or_default()
    }

    /// A manifest with these modules.
    #[cfg(test)]
    pub(super) fn of(modules: &[&str]) -> Self {
        let module =
            |name: &&str| Dependency { name: (*name).to_owned(), crate_name: (*name).to_owned(), uses_linkbus: true };
        Manifest { dependencies: modules.iter().map(module).collect() }
    }

    fn read(folder: &Path) -> Option<Self> {
        let table = read_table(folder)?;
        let dependencies = table.get("dependencies")?.as_table()?;
        let workspace = workspace_above(folder);
        let dependencies = dependencies
            .iter()
            .filter_map(|(name, value)| Dependency::read(name, value, folder, workspace.as_ref()))
            .collect();
        Some(Manifest { dependencies })
    }

    /// The dependencies that use linkbus themselves, by the names that this crate knows them by.
    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter(|dependency| dependency.uses_linkbus).map(|dependency| &*dependency.name)
    }

    /// The name that the dependency `name` was compiled with.
    pub(super) fn crate_name(&self, name: &str) -> String {
        let found = self.dependencies.iter().find(|dependency| dependency.name == name);
        found.map_or(name, |dependency| &dependency.crate_name).to_owned()
    }
}

impl Dependency {
    fn read(key: &str, value: &Value, folder: &Path, workspace: Option<&(PathBuf, Table)>) -> Option<Self> {
        let value = value.as_table()?;
        if value.get("optional").and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        let (base, value) = match workspace {
            Some((root, table)) if inherits => (&**root, inherited(table, key)?),
            _ => (folder, value),
        };
        let theirs = read_table(&base.join(value.get("path")?.as_str()?))?;
        Some(Dependency {
            name: key.replace('-', "_"),
            crate_name: library_name(&theirs)?,
            uses_linkbus: uses_linkbus(&theirs),
        })
    }
}

fn read_table(folder: &Path) -> Option<Table> {
    fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()
}

/// The nearest manifest with a `[workspace]`, in `folder` or above it.
fn workspace_above(folder: &Path) -> Option<(PathBuf, Table)> {
    folder.ancestors().find_map(|folder| {
        let table = read_table(folder)?;
        table.contains_key("workspace").then(|| (folder.to_owned(), table))
    })
}

fn inherited<'a>(workspace: &'a Table, key: &str) -> Option<&'a Table> {
    workspace.get("workspace")?.get("dependencies")?.get(key)?.as_table()
}

fn library_name(manifest: &Table) -> Option<String> {
    let library = manifest.get("lib").and_then(|library| library.get("name"));
    let name = library.or_else(|| manifest.get("package")?.get("name"))?;
    Some(name.as_str()?.replace('-', "_"))
}

fn uses_linkbus(manifest: &Table) -> bool {
    let dependencies = manifest.get("dependencies").and_then(Value::as_table);
    dependencies
        .into_iter()
        .flatten()
        .any(|(key, value)| key == "linkbus" || value.get("package").and_then(Value::as_str) == Some("linkbus"))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A folder of crates: `(path of the folder, its manifest)`.
    fn crates(manifests: &[(&str, &str)]) -> TempDir {
        let root = TempDir::new().expect("a folder for the test");
        for (folder, manifest) in manifests {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).expect("a folder for a crate");
            fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
        }
        root
    }

    /// The modules that the crate in `app` has by its manifest, beside these other crates.
    fn modules_of(app: &str, others: &[(&str, &str)]) -> Vec<String> {
        let root = crates(&[others, &[("app", app)]].concat());
        let manifest = Manifest::read(&root.path().join("app")).unwrap_or_default();
        manifest.modules().map(str::to_owned).collect()
    }

    const USERS: &str = "package.name = 'users'\ndependencies.linkbus = '1'";

    #[test]
    fn a_dependency_by_path_that_uses_linkbus_is_a_module() {
        let found = modules_of("dependencies.users.path = '../users'", &[("users", USERS)]);
        assert_eq!(found, ["users"]);
    }

    #[test]
    fn a_dependency_that_does_not_use_linkbus_is_none() {
        let found = modules_of("dependencies.users.path = '../users'", &[("users", "package.name = 'users'")]);
        assert!(found.is_empty());
    }

    #[test]
    fn linkbus_is_known_under_another_name() {
        let users = "package.name = 'users'\ndependencies.bus = { package = 'linkbus', version = '1' }";
        let found = modules_of("dependencies.users.path = '../users'", &[("users", users)]);
        assert_eq!(found, ["users"]);
    }

    #[test]
    fn an_inherited_dependency_is_found_from_the_workspace() {
        let workspace = "workspace.dependencies.my-users.path = 'users'";
        let found = modules_of("dependencies.my-users.workspace = true", &[("", workspace), ("users", USERS)]);
        assert_eq!(found, ["my_users"]);
    }

    #[test]
    fn an_optional_dependency_is_none() {
        let app = "dependencies.users = { path = '../users', optional = true }";
        assert!(modules_of(app, &[("users", USERS)]).is_empty());
    }

    #[test]
    fn a_dependency_from_a_registry_is_none() {
        assert!(modules_of("dependencies.users = '1'", &[("users", USERS)]).is_empty());
    }

    #[test]
    fn a_crate_is_known_by_the_name_that_it_was_compiled_with() {
        let root = crates(&[
            ("users", USERS),
            ("mail", "package.name = 'mail'\nlib.name = 'post-office'\ndependencies.linkbus = '1'"),
            (
                "app",
                "dependencies.people = { package = 'users', path = '../users' }\ndependencies.mail.path = '../mail'",
            ),
        ]);
        let manifest = Manifest::read(&root.path().join("app")).expect("a manifest that can be read");
        assert_eq!(manifest.crate_name("people"), "users");
        assert_eq!(manifest.crate_name("mail"), "post_office");
        assert_eq!(manifest.crate_name("from_a_registry"), "from_a_registry");
    }

    #[test]
    fn what_cannot_be_read_has_no_modules() {
        let root = crates(&[("broken", "[dependencies")]);
        assert!(Manifest::read(&root.path().join("broken")).is_none());
        assert!(Manifest::read(&root.path().join("missing")).is_none());
        assert!(modules_of("dependencies.users.path = '../users'", &[]).is_empty());
    }
}

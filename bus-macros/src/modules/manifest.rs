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

//! The workspace and its lock file, as `cargo metadata` tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::command::CommandLine;

pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As written in the manifest.
    pub(crate) rust_version: Option<String>,
    pub(crate) is_published: bool,
    is_member: bool,
}

pub(crate) struct Metadata {
    packages: BTreeMap<String, Package>,
    /// From a package to what a user of it compiles: normal and build dependencies, on every platform.
    edges: BTreeMap<String, Vec<String>>,
    /// Where everything is that is made.
    pub(crate) target: PathBuf,
}

impl Metadata {
    pub(crate) fn read() -> Result<Self, String> {
        let text = CommandLine::cargo("metadata --format-version 1 --all-features").read()?;
        let value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata is not JSON: {error}"))?;
        Ok(Self::parse(&value))
    }

    fn parse(value: &Value) -> Self {
        let members: BTreeSet<&str> = array(&value["workspace_members"]).iter().filter_map(Value::as_str).collect();
        let packages = array(&value["packages"]).iter().map(|package| parse_package(package, &members)).collect();
        let edges = array(&value["resolve"]["nodes"]).iter().map(parse_node).collect();
        let target = PathBuf::from(value["target_directory"].as_str().unwrap_or("target"));
        Self { packages, edges, target }
    }

    pub(crate) fn has_member(&self, name: &str) -> bool {
        self.packages.values().any(|package| package.is_member && package.name == name)
    }

    /// The workspace's packages that users get, each with everything it needs, itself included.
    pub(crate) fn published(&self) -> impl Iterator<Item = (&Package, Vec<&Package>)> {
        let roots = self.packages.iter().filter(|(_, package)| package.is_member && package.is_published);
        roots.map(|(id, package)| (package, self.closure(id)))
    }

    fn closure(&self, root: &str) -> Vec<&Package> {
        let mut seen = BTreeSet::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(self.edges.get(id).into_iter().flatten().map(String::as_str));
            }
        }
        seen.into_iter().filter_map(|id| self.packages.get(id)).collect()
    }
}

fn parse_package(value: &Value, members: &BTreeSet<&str>) -> (String, Package) {
    let id = text(&value["id"]);
    let package = Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        rust_version: value["rust_version"].as_str().map(String::from),
        // No list of registries means any of them; an empty list is `publish = false`.
        is_published: value["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        is_member: members.contains(id.as_str()),
    };
    (id, package)
}

fn parse_node(value: &Value) -> (String, Vec<String>) {
    let needed = array(&value["deps"]).iter().filter(|dependency| is_needed_by_users(dependency));
    (text(&value["id"]), needed.map(|dependency| text(&dependency["pkg"])).collect())
}

fn is_needed_by_users(dependency: &Value) -> bool {
    array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn package(rust_version: &str) -> Package {
        let value = json!({ "name": "app", "version": "1.0.0", "rust_version": rust_version });
        parse_package(&value, &BTreeSet::new()).1
    }

    /// `app` (published) -> `dep` -> `deep`; `app` -> `tests-only` for its tests; `tool` is a member that is not published.
    pub(crate) fn sample() -> Metadata {
        let package = |name: &str, rust_version: Option<&str>, publish: Option<&[&str]>| json!({ "id": name, "name": name, "version": "1.0.0", "rust_version": rust_version, "publish": publish });
        let edge = |name: &str, kind: Option<&str>| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        Metadata::parse(&json!({
            "workspace_members": ["app", "tool"],
            "packages": [
                package("app", Some("1.89"), None),
                package("dep", Some("1.90"), None),
                package("deep", None, None),
                package("tests-only", Some("1.95"), None),
                package("tool", Some("1.95"), Some(&[])),
            ],
            "resolve": { "nodes": [
                { "id": "app", "deps": [edge("dep", None), edge("tests-only", Some("dev"))] },
                { "id": "dep", "deps": [edge("deep", Some("build"))] },
            ] },
        }))
    }

    #[test]
    fn a_published_package_needs_its_normal_and_build_dependencies() {
        let metadata = sample();
        let names: Vec<Vec<&str>> = metadata
            .published()
            .map(|(_, needed)| needed.iter().map(|package| package.name.as_str()).collect())
            .collect();
        assert_eq!(names, [["app", "deep", "dep"]]);
    }

    #[test]
    fn a_dependency_is_not_a_member() {
        assert!(sample().has_member("tool"));
        assert!(!sample().has_member("dep"));
    }
}

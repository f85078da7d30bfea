//! JumpCloud response playbooks for AWS Lambda.
//!
//! The way of an event: [`runtime`] receives it, [`intake`] makes work of it, [`playbooks`] do it through the [`jumpcloud`]
//! client behind a [`guard`], and an [`outcome::Outcome`] or an [`error::Error`] goes back. Each module imports only those
//! after it in this list; a test below checks it.

pub mod runtime;

pub mod intake;
mod markdown;
pub mod playbooks;

pub mod guard;
pub mod outcome;
pub mod request;

pub mod credentials;
pub mod jumpcloud;

pub mod http;
pub mod vars;

pub mod error;
pub mod ids;

#[cfg(test)]
mod docs;
pub mod text;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    /// The modules that each file of the crate's `src` imports, by module.
    fn imports(folder: &Path) -> BTreeMap<String, String> {
        let mut sources = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let module = entry.strip_prefix(folder).unwrap().with_extension("");
                    let module = module.iter().next().unwrap().to_str().unwrap().to_owned();
                    let source = fs::read_to_string(&entry).unwrap();
                    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
                    sources.entry(module).or_insert_with(String::new).push_str(code);
                }
            }
        }
        sources
    }

    #[test]
    fn each_module_imports_only_those_after_it() {
        let source = include_str!("lib.rs").split("#[cfg(test)]").next().unwrap();
        let order: Vec<&str> = source.lines().filter_map(|line| line.split("mod ").nth(1)?.strip_suffix(';')).collect();
        let sources = imports(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
        for (index, module) in order.iter().enumerate() {
            let code: String = sources[*module].split_whitespace().collect();
            for earlier in &order[..index] {
                for import in [format!("crate::{earlier}::"), format!(",{earlier}::"), format!("{{{earlier}::")] {
                    // A list of modules after `crate::`, not of items of a module of that name elsewhere.
                    let lists = code.split("usecrate::{").skip(1).filter_map(|rest| rest.split("};").next());
                    let listed = lists.into_iter().any(|list| format!("{{{list}").contains(&import));
                    assert!(!listed && !code.contains(&format!("crate::{earlier}::")), "{module} imports {earlier}");
                }
            }
        }
        assert!(order.len() > 8, "{order:?}");
    }
}

//! The order of the modules in `lib.rs`, and between the files of one folder: imports go one way.

#![expect(clippy::unwrap_used, reason = "a test ends where its sources cannot be read")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The files of `src`, each folder's own `mod.rs` among them.
fn folders() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let (mut folders, mut open) = (BTreeMap::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let (below, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        open.extend(below);
        folders.insert(folder, files);
    }
    folders
}

/// The code of a file, without comments, tests and white space.
fn code(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.flat_map(str::split_whitespace).collect()
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The first name of each path that follows `root` in `code`, in lists too: of `root{a::{b,c},d}` it is `a` and `d`.
fn names_after(code: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split(root).skip(1) {
        let (mut depth, mut at_start) = (0, true);
        for (index, c) in rest.char_indices() {
            let first = rest[index..].split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            if at_start && !first.is_empty() {
                names.insert(first.to_owned());
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth <= 0 {
                break;
            }
            at_start = depth == 1 && matches!(c, '{' | ',');
        }
    }
    names
}

#[test]
fn names_are_read_from_paths_and_lists() {
    let names = names_after("usesuper::{a,b::{c,d},e::f};super::g::h(1);usesuper::i;", "super::");
    assert_eq!(names.into_iter().collect::<String>(), "abegi");
}

#[test]
fn each_module_imports_only_those_after_it() {
    let folders = folders();
    let src = folders.keys().next().unwrap();
    let source = fs::read_to_string(src.join("lib.rs")).unwrap();
    let order: Vec<&str> = source.lines().filter_map(|line| line.split("mod ").nth(1)?.strip_suffix(';')).collect();
    assert!(order.len() > 8, "{order:?}");
    for file in folders.values().flatten().filter(|file| stem(file) != "lib") {
        let module = file.strip_prefix(src).unwrap().with_extension("");
        let module = module.iter().next().unwrap().to_str().unwrap();
        let place = order.iter().position(|name| *name == module).unwrap_or_else(|| panic!("{module} is not listed"));
        let imported = names_after(&code(file), "crate::");
        let earlier: Vec<_> = order[..place].iter().filter(|name| imported.contains(**name)).collect();
        assert!(earlier.is_empty(), "{} imports {earlier:?}", file.display());
    }
}

/// What a file takes out of its folder's `mod.rs` counts as an import of that, which imports what it hands on.
#[test]
fn the_files_of_a_folder_import_each_other_in_no_circle() {
    for (folder, files) in folders().iter().skip(1) {
        let here: BTreeSet<String> = files.iter().map(|file| stem(file)).collect();
        let own = format!("crate::{}::", stem(folder));
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in files {
            let (name, code) = (stem(file), code(file));
            let root = if name == "mod" { "self::" } else { "super::" };
            let names = names_after(&code, root).into_iter().chain(names_after(&code, &own));
            let names = names.map(|name| if here.contains(&name) { name } else { "mod".to_owned() });
            let others = names.filter(|other| *other != name).collect();
            imports.insert(name, others);
        }
        // Whoever imports nothing more is taken away, until nobody is left, or a circle and those who import it.
        while let Some(free) = imports.iter().find(|(_, others)| others.is_empty()).map(|(name, _)| name.clone()) {
            imports.remove(&free);
            for others in imports.values_mut() {
                others.remove(&free);
            }
        }
        assert!(imports.is_empty(), "{}: {imports:?}", folder.display());
    }
}

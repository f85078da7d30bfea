//! Facts and rows as tables of at most 80 columns.

use serde_json::{Map, Value};

use super::style::{Page, WIDTH, cut};

const INDENT: usize = 5;
const GAP: usize = 2;
/// The widest name of a fact.
const MAX_NAME: usize = 34;
/// The widest cell but for the last of a row.
const MAX_CELL: usize = 36;

/// An object's fields, one a line; its lists of objects as tables below.
pub fn facts(page: &mut Page, object: &Map<String, Value>) {
    let is_row = |value: &Value| value.as_object().is_some_and(|fields| fields.len() > 1);
    let is_table = |value: &Value| value.as_array().is_some_and(|list| list.iter().any(is_row));
    let (tables, plain): (Vec<_>, Vec<_>) =
        object.iter().filter(|(_, value)| !value.is_null()).partition(|(_, value)| is_table(value));
    let width = plain.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(MAX_NAME);
    for (name, value) in plain {
        page.hanging(&format!("{:INDENT$}{name:width$}  ", ""), &words(value));
    }
    for (name, value) in tables {
        let list: Vec<_> = value.as_array().into_iter().flatten().filter_map(Value::as_object).collect();
        page.line("");
        page.line(&format!("{:INDENT$}{name} ({})", "", list.len()));
        objects(page, &list);
    }
}

/// One row each, with those fields as columns that fit, in the order of the first.
fn objects(page: &mut Page, list: &[&Map<String, Value>]) {
    let mut names: Vec<&String> = Vec::new();
    for object in list {
        let said = object.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name);
        names.extend(said.filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    let column = |name: &&String| {
        let cells = list.iter().map(|object| object.get(*name).map_or_else(String::new, words));
        let cells: Vec<String> = [(*name).clone()].into_iter().chain(cells).collect();
        cells
    };
    let (mut columns, mut used) = (Vec::new(), INDENT);
    for cells in names.iter().map(column) {
        used += cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default().min(MAX_CELL) + GAP;
        if used > WIDTH + GAP {
            break;
        }
        columns.push(cells);
    }
    let left_out = names.len() - columns.len();
    let row = |number: usize| columns.iter().map(|cells| cells[number].clone()).collect();
    rows(page, &(0..=list.len()).map(row).collect::<Vec<_>>());
    if left_out > 0 {
        page.line(&format!("{:INDENT$}({left_out} more of each with --json)", ""));
    }
}

/// Rows of cells, each column as wide as its widest cell, the last one as wide as there is room.
pub fn rows(page: &mut Page, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().min(MAX_CELL)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = " ".repeat(INDENT);
        for (column, cell) in row.iter().enumerate() {
            if column + 1 == columns {
                line.push_str(&cut(cell, WIDTH.saturating_sub(line.chars().count())));
            } else {
                let (width, cell) = (widths[column], cut(cell, widths[column]));
                line.push_str(&format!("{cell:width$}{:GAP$}", ""));
            }
        }
        page.line(&line);
    }
}

/// A value in words.
fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => {
            let only = |value: &Value| {
                value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.values().next().cloned())
            };
            list.iter().map(|value| words(&only(value).unwrap_or_else(|| value.clone()))).collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| format!("{name} {}", words(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

//! Results: kept as JSON, shown as Markdown, CSV and a plot.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{plot, targets::targets};

/// All that was measured; sections that were not run again keep their results.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) sections: Vec<Section>,
}

/// One table.
#[derive(Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) name: String,
    /// What has to be known to read the table.
    pub(crate) about: String,
    pub(crate) rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) subject: String,
    pub(crate) cells: Vec<(String, Cell)>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    /// Of several runs.
    Median {
        median: f64,
        min: f64,
        max: f64,
        runs: usize,
    },
    /// A count, or measured once.
    Number(f64),
    Text(String),
}

impl Cell {
    pub(crate) fn median(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let runs = values.len();
        assert!(runs > 0, "there is no median of nothing");
        let median = (values[(runs - 1) / 2] + values[runs / 2]) / 2.0;
        Self::Median { median, min: values[0], max: values[runs - 1], runs }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Median { median, .. } => Some(*median),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Median { median, min, max, .. } => {
                format!("{} [{}-{}]", short(*median), short(*min), short(*max))
            }
            Self::Number(number) => short(*number),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Three digits, or all before the point.
fn short(number: f64) -> String {
    let decimals = match number.abs() {
        n if n.fract() == 0.0 || n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.decimals$}")
}

impl Row {
    pub(crate) fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), cells: Vec::new() }
    }

    pub(crate) fn with(mut self, measure: &str, cell: Cell) -> Self {
        self.cells.push((measure.to_owned(), cell));
        self
    }

    /// The number in the cell of this measure.
    pub(crate) fn find(&self, measure: &str) -> Option<f64> {
        self.cells.iter().find(|(name, _)| name == measure)?.1.number()
    }

    pub(crate) fn number(self, measure: &str, number: f64) -> Self {
        self.with(measure, Cell::Number(number))
    }

    pub(crate) fn median(self, measure: &str, values: Vec<f64>) -> Self {
        self.with(measure, Cell::median(values))
    }

    pub(crate) fn text(self, measure: &str, text: impl Into<String>) -> Self {
        self.with(measure, Cell::Text(text.into()))
    }
}

impl Report {
    pub(crate) fn load(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("results.json")).ok();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Puts a section in the place of its older results.
    pub(crate) fn set(&mut self, section: Section, order: &[&str]) {
        self.sections.retain(|old| old.name != section.name && old.name != "targets");
        self.sections.push(section);
        self.sections.push(targets(self));
        // What is no measurement has no place in the order, and comes first.
        self.sections.sort_by_key(|section| order.iter().position(|name| *name == section.name));
    }

    pub(crate) fn save(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a writable folder");
        let save = |name: &str, text: String| fs::write(folder.join(name), text).expect("a writable folder");
        save("results.json", serde_json::to_string_pretty(self).expect("plain data") + "\n");
        save("results.csv", self.csv());
        save("results.md", self.sections.iter().map(Section::markdown).collect());
        save("start.svg", plot::start(self));
        self.show(&folder.join("../../../docs/performance.md"));
    }

    /// Puts the tables that the page shows between its marks.
    fn show(&self, page: &Path) {
        const MARKS: [&str; 2] = ["<!-- figures -->\n", "<!-- end of figures -->"];
        let tables = ["targets", "start", "warm"].into_iter().filter_map(|name| self.section(name));
        let tables: String = tables.map(Section::markdown).collect();
        let text = fs::read_to_string(page).expect("the page");
        let (before, rest) = text.split_once(MARKS[0]).expect("the page's mark");
        let (_, after) = rest.split_once(MARKS[1]).expect("the page's other mark");
        let tables = format!("\n{tables}").replace("\n## ", "\n### ");
        fs::write(page, format!("{before}{}{tables}{}{after}", MARKS[0], MARKS[1])).expect("a writable page");
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The number in a cell.
    pub(crate) fn find(&self, section: &str, subject: &str, measure: &str) -> Option<f64> {
        self.section(section)?.rows.iter().find(|row| row.subject == subject)?.find(measure)
    }

    fn csv(&self) -> String {
        let mut csv = "section,subject,measure,median,min,max,runs\n".to_owned();
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        for section in &self.sections {
            for row in &section.rows {
                for (measure, cell) in &row.cells {
                    let values = match cell {
                        Cell::Median { median, min, max, runs } => format!("{median},{min},{max},{runs}"),
                        Cell::Number(number) => format!("{number},,,1"),
                        Cell::Text(text) => format!("{},,,", quoted(text)),
                    };
                    csv += &format!("{},{},{},{values}\n", section.name, quoted(&row.subject), quoted(measure));
                }
            }
        }
        csv
    }
}

impl Section {
    pub(crate) fn new(name: &str, about: impl Into<String>, rows: Vec<Row>) -> Self {
        Self { name: name.to_owned(), about: about.into(), rows }
    }

    /// A heading, what it is about, and a table with a column per measure.
    pub(crate) fn markdown(&self) -> String {
        let mut columns: Vec<&str> = Vec::new();
        for (measure, _) in self.rows.iter().flat_map(|row| &row.cells) {
            if !columns.contains(&measure.as_str()) {
                columns.push(measure);
            }
        }
        let mut text = format!("## {}\n\n{}\n\n| | {} |\n", self.name, self.about, columns.join(" | "));
        text += &format!("|---|{}\n", "---|".repeat(columns.len()));
        for row in &self.rows {
            let cell = |column: &&str| {
                let cell = row.cells.iter().find(|(measure, _)| measure == column);
                cell.map_or_else(String::new, |(_, cell)| cell.shown())
            };
            text += &format!("| {} | {} |\n", row.subject, columns.iter().map(cell).collect::<Vec<_>>().join(" | "));
        }
        text + "\n"
    }
}

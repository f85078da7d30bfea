//! Lines of at most 80 columns, with colours where they are wanted.

use std::{
    env,
    fmt::Write,
    io::{self, IsTerminal},
};

use anstyle::{AnsiColor, Style};
use jumpcloud_playbooks::text::marked;

/// The columns of a page. A wider terminal gets the same: it can be pasted into a ticket.
pub const WIDTH: usize = 80;

/// What a word's colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As wanted.
    Good,
    /// Look at this.
    Warn,
    /// Refused or failed.
    Bad,
    /// Nothing happened.
    Quiet,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Warn => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Quiet => AnsiColor::Cyan.on_default().bold(),
        }
    }
}

/// Lines for people. Whatever is put on it, no character in it controls the terminal.
#[derive(Debug)]
pub struct Page {
    colours: bool,
    text: String,
}

impl Page {
    /// An empty page.
    pub fn new(colours: bool) -> Self {
        Self { colours, text: String::new() }
    }

    /// For standard output: with colours unless `NO_COLOR` is set (<https://no-color.org>) or the terminal is `dumb`.
    pub fn for_stdout() -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::new(io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb)
    }

    /// `word` in its colour and `text`, which goes on below its own beginning.
    pub fn headed(&mut self, tone: Tone, word: &str, text: &str) {
        let head = format!("{word:>3}  ");
        let style = if self.colours { tone.style() } else { Style::new() };
        let lines = wrapped(text, WIDTH - head.chars().count());
        let mut lines = lines.iter();
        let first = lines.next().map_or("", String::as_str);
        let _ = writeln!(self.text, "{style}{word:>3}{style:#}  {first}");
        for line in lines {
            let _ = writeln!(self.text, "     {line}");
        }
    }

    /// `text`, whose first line begins with `first`, and the others with as many spaces.
    pub fn hanging(&mut self, first: &str, text: &str) {
        let first = marked(first);
        let indent = first.chars().count();
        for (number, line) in wrapped(text, WIDTH.saturating_sub(indent)).iter().enumerate() {
            let head = if number == 0 { first.as_ref() } else { "" };
            self.line(&format!("{head:indent$}{line}"));
        }
    }

    /// One line as it is, however long: something to be pasted, or a row that was made to fit.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(marked(line).trim_end());
        self.text.push('\n');
    }

    /// An empty line, unless the page is empty.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// `text` in lines of at most `width` columns. A word that is longer is cut.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let (text, width) = (marked(text), width.max(20));
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if word.len() + 1 > room && room < width {
            lines.push(String::new());
            room = width;
        }
        while word.len() > room {
            let rest = word.split_off(room);
            add(&mut lines, &word);
            lines.push(String::new());
            word = rest;
        }
        room -= word.len() + usize::from(room < width);
        add(&mut lines, &word);
    }
    lines
}

fn add(lines: &mut [String], word: &[char]) {
    if let Some(line) = lines.last_mut() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word);
    }
}

/// `text` with at most `width` columns; where it is longer, `…` ends it.
pub fn cut(text: &str, width: usize) -> String {
    let text = marked(text);
    if text.chars().count() <= width {
        return text.into_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// `text` as one argument of a shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_page_and_no_word_is_lost() {
        let text = format!("{} {} end", "word ".repeat(40), "x".repeat(200));
        for width in [20, 33, 75] {
            let lines = wrapped(&text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
            let joined = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(joined(&lines.join(" ")), joined(&text));
        }
    }

    #[test]
    fn nothing_on_a_page_controls_the_terminal() {
        let mut page = Page::new(false);
        page.headed(Tone::Good, "OK", "a\u{1b}[2Jb");
        page.hanging("  \u{1b}]0;", "c\u{7}d");
        page.line("e\u{9b}f");
        assert!(!page.text().chars().any(|c| c.is_control() && c != '\n'), "{:?}", page.text());
    }

    #[test]
    fn a_quote_does_not_end_an_argument() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}

//! What was measured beside what is wanted.

use crate::report::{Report, Row, Section};

/// From the results that are there; what was not measured yet is left out.
pub(crate) fn targets(report: &Report) -> Section {
    const OWN: &str = "disable-user";
    const PYTHON: &str = "Python (boto3, requests)";
    let start = |subject: &str, measure: &str| report.find("start", subject, measure);
    let ratio = |measure: &str| Some(start(PYTHON, measure)? / start(OWN, measure)?);
    let under = |share: &str| start(&format!("{OWN}, 7.2 % of a CPU"), share);
    let most = |section: &str, measure: &str| {
        let rows = &report.section(section)?.rows;
        rows.iter().filter_map(|row| row.find(measure)).reduce(f64::max)
    };
    let beyond = |measure: &str, least: &str| {
        let rows = &report.section("calls")?.rows;
        Some(
            rows.iter().filter_map(|row| Some(row.find(measure)? - row.find(least)?)).filter(|more| *more > 0.0).count()
                as f64,
        )
    };
    let growth = || {
        let find = |measure| report.find("memory", OWN, measure);
        Some((find("peak MiB after 10000")? / find("peak MiB after 100")? - 1.0) * 100.0)
    };
    let throttled = "20 ms, at most 50 requests/s";
    // Text, value, and the limit: positive for at most, negative for at least, none for what is only shown.
    let lines: [(&str, Option<f64>, Option<f64>); 17] = [
        ("start to the first `/next`: CPU ms", start(OWN, "to next, CPU"), Some(8.0)),
        ("the same, times less than Python's", ratio("to next, CPU"), Some(-60.0)),
        ("start to the first answer: CPU ms", start(OWN, "to answer, CPU"), Some(12.0)),
        ("the same, times less than Python's", ratio("to answer, CPU"), None),
        ("peak memory, times less than Python's", ratio("peak MiB"), Some(-6.0)),
        ("7.2 % of a CPU: ms to the first `/next`", under("to next, wall"), None),
        ("7.2 % of a CPU: ms to the first answer", under("to answer, wall"), None),
        ("warm: CPU ms per invocation", report.find("warm", OWN, "CPU ms"), Some(1.0)),
        ("states with more calls than the least", beyond("calls", "least calls"), Some(0.0)),
        (
            "states with more waiting one after another than the least",
            beyond("one after another", "least one after another"),
            Some(0.0),
        ),
        ("largest binary, MB", most("size", "binary MB"), Some(6.0)),
        ("largest zip, MB", most("size", "zip MB"), Some(3.0)),
        ("growth of peak memory from 100 to 10,000 invocations, %", growth(), Some(5.0)),
        ("goodput under a limit of 50 requests/s, %", report.find("batch", throttled, "goodput %"), Some(-95.0)),
        ("records lost under it", report.find("batch", throttled, "lost"), Some(0.0)),
        ("records lost without it", report.find("batch", "0 ms", "lost"), Some(0.0)),
        (
            "peak MiB with 10,000 records in one event",
            report.find("growth", "disable-user, 10000 records", "peak MiB"),
            None,
        ),
    ];
    let rows = lines.into_iter().filter_map(|(what, value, limit)| {
        let value = value?;
        let row = Row::new(what).number("measured", value);
        Some(match limit {
            Some(limit) if limit < 0.0 => {
                row.text("wanted", format!("at least {}", -limit)).text("met", met(value >= -limit))
            }
            Some(limit) => row.text("wanted", format!("at most {limit}")).text("met", met(value <= limit)),
            None => row,
        })
    });
    Section::new("targets", "Of `disable-user`, from the tables below; medians.", rows.collect())
}

fn met(met: bool) -> &'static str {
    if met { "yes" } else { "no" }
}

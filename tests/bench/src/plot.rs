//! The plot that docs/performance.md shows: what a cold start costs.

use crate::report::Report;

const SUBJECTS: [&str; 3] = ["disable-user", "bare lambda_runtime", "Python (boto3, requests)"];
const MEASURES: [(&str, &str, &str); 3] = [
    ("to next, CPU", "CPU until ready: secret read, connection open", "ms"),
    ("to answer, CPU", "CPU until the first answer", "ms"),
    ("peak MiB", "peak memory", "MiB"),
];

/// Bars on a logarithmic scale: the programs are two orders of magnitude apart.
pub(crate) fn start(report: &Report) -> String {
    let (left, width, bar, gap) = (190.0, 400.0, 18.0, 34.0);
    let mut body = String::new();
    let mut y = 10.0;
    for (measure, title, unit) in MEASURES {
        y += 20.0;
        body += &format!("<text x=\"10\" y=\"{y}\" class=\"title\">{title}, {unit} (logarithmic)</text>\n");
        y += 8.0;
        for subject in SUBJECTS {
            let Some(value) = report.find("start", subject, measure) else { continue };
            let length = (value.max(1.0).log10() / 3.0 * width).max(2.0);
            let class = if subject == SUBJECTS[0] { "own" } else { "other" };
            body += &format!(
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{subject}</text>\
                 <rect x=\"{left}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{bar}\" class=\"{class}\"/>\
                 <text x=\"{:.1}\" y=\"{:.0}\">{value:.1}</text>\n",
                left - 8.0,
                y + 13.0,
                left + length + 6.0,
                y + 13.0
            );
            y += bar + 4.0;
        }
        y += gap - 20.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 660 {y:.0}\" width=\"660\" height=\"{y:.0}\">\n\
         <style>text{{font:13px sans-serif;fill:#57606a}}.title{{font-weight:bold}}.own{{fill:#1f7a4d}}.other{{fill:#a0a8b0}}</style>\n\
         {body}</svg>\n"
    )
}

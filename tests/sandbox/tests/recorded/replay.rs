//! A server that answers by a scenario's rules.

use std::collections::HashMap;

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use regex::Regex;
use serde_json::{Value, json};

/// Scenarios whose rule for `GET` by id is the read after the change. They were written for a client that trusted the
/// search, which found no reason to read before it.
const READ_AFTER: [&str; 2] = ["expire-", "readback-"];

struct Rule {
    method: String,
    path: Regex,
    has: Vec<String>,
    lacks: Vec<String>,
    times: usize,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The rules of one scenario, and what was asked so far.
pub(crate) struct Replay {
    rules: Vec<Rule>,
    read_after: bool,
    by_id: Regex,
    /// Objects that a search answered, by their path: a read by id finds them, where no rule says otherwise.
    found: HashMap<String, Value>,
    writes: Vec<String>,
    objections: Vec<String>,
}

impl Replay {
    /// `object` reads one of the corpus.
    pub(crate) fn new(scenario: &Value, object: impl Fn(&str) -> Value) -> Self {
        let rules = scenario["rules"].as_array().expect("a list").iter().map(|rule| Rule::new(rule, &object)).collect();
        let id = scenario["id"].as_str().expect("an id");
        Self {
            rules,
            read_after: READ_AFTER.iter().any(|prefix| id.starts_with(prefix)),
            by_id: Regex::new("^/(systemusers|systems)/[0-9a-f]{24}$").expect("a pattern"),
            found: HashMap::new(),
            writes: Vec::new(),
            objections: Vec::new(),
        }
    }

    /// A new run.
    pub(crate) fn begin(&mut self) {
        self.writes.clear();
        self.objections.clear();
    }

    /// The changes that the run asked for, and what JumpCloud would have objected to.
    pub(crate) fn end(&self) -> (Vec<String>, Vec<String>) {
        (self.writes.clone(), self.objections.clone())
    }

    pub(crate) fn answer(&mut self, request: &Request<Bytes>) -> Response<Body> {
        let method = request.method().as_str();
        if method == "HEAD" {
            return respond(302, &[("location".to_owned(), "/login".to_owned())], String::new());
        }
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let path = path.strip_prefix("/api").unwrap_or(path);
        let body = String::from_utf8_lossy(request.body());
        self.judge(request, path, &body);
        let search = path.starts_with("/search/");
        let write = method != "GET" && !search;
        let before = self.writes.is_empty();
        if write {
            self.writes.push(format!("{method} {path}"));
        }
        let known = self.found.get(path).filter(|_| method == "GET" && self.by_id.is_match(path)).map(Value::to_string);
        let rule = self.rules.iter_mut().find(|rule| rule.fits(method, path, &body));
        let rule = rule.filter(|_| !(self.read_after && before && known.is_some()));
        let Some(rule) = rule else {
            let json = [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
            return match known {
                Some(object) => respond(200, &json, object),
                None => respond(404, &json, json!({"message": "Not Found"}).to_string()),
            };
        };
        rule.times = rule.times.saturating_sub(1);
        if search {
            let answer: Value = serde_json::from_str(&rule.body).unwrap_or_default();
            let collection = path.trim_start_matches("/search");
            for object in answer["results"].as_array().into_iter().flatten() {
                self.found
                    .insert(format!("{collection}/{}", object["_id"].as_str().unwrap_or_default()), object.clone());
            }
        }
        respond(rule.status, &rule.headers, rule.body.clone())
    }

    /// What holds of every request: a page is at most 100, a change has a type and a length.
    fn judge(&mut self, request: &Request<Bytes>, path: &str, body: &str) {
        let in_body = serde_json::from_str::<Value>(body).ok().and_then(|body| body["limit"].as_u64());
        let in_query = path.split(['?', '&']).find_map(|pair| pair.strip_prefix("limit=")?.parse().ok());
        if in_body.or(in_query).is_some_and(|limit: u64| limit > 100) {
            self.objections.push(format!("{path} {body} asks for more than 100"));
        }
        let typed = request.headers().get("content-type").is_some_and(|value| value == "application/json");
        if request.method() != "GET" && !(typed && request.headers().contains_key("content-length")) {
            self.objections.push(format!("{} {path} has no content type or no length", request.method()));
        }
    }
}

impl Rule {
    fn new(rule: &Value, object: &impl Fn(&str) -> Value) -> Self {
        let (asked, answer) = (&rule["request"], &rule["response"]);
        let texts =
            |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let headers = answer["headers"].as_object().into_iter().flatten();
        let body = match (&answer["raw"], &answer["body"]) {
            (Value::String(raw), _) => raw.clone(),
            (_, Value::String(page)) => page.clone(),
            (_, Value::Null) => String::new(),
            (_, body) => filled(body, object).to_string(),
        };
        Self {
            method: asked["method"].as_str().expect("a method").to_owned(),
            path: Regex::new(&format!("^(?:{})$", asked["path"].as_str().expect("a path"))).expect("a pattern"),
            has: texts(&asked["body_has"]),
            lacks: texts(&asked["body_lacks"]),
            times: rule["times"].as_u64().map_or(usize::MAX, |times| times.try_into().expect("a small number")),
            status: answer["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a status"),
            headers: headers.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect(),
            body,
        }
    }

    fn fits(&self, method: &str, path: &str, body: &str) -> bool {
        self.times > 0
            && self.method == method
            && self.path.is_match(path)
            && self.has.iter().all(|part| body.contains(part))
            && !self.lacks.iter().any(|part| body.contains(part))
    }
}

/// `{"$object": name, "set": {...}, "drop": [...]}` stands for an object of the corpus.
fn filled(value: &Value, object: &impl Fn(&str) -> Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| filled(item, object)).collect(),
        Value::Object(fields) if fields.contains_key("$object") => {
            let mut object = object(fields["$object"].as_str().expect("a name"));
            if let Value::Object(object) = &mut object {
                object.remove("_source");
                object.extend(value["set"].as_object().cloned().unwrap_or_default());
                object.retain(|name, _| value["drop"].as_array().is_none_or(|drop| !drop.contains(&json!(name))));
            }
            object
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value, object))).collect(),
        other => other.clone(),
    }
}

fn respond(status: u16, headers: &[(String, String)], body: String) -> Response<Body> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(body.into()).expect("a valid answer")
}

//! The query of a request, decoded.

/// Names and values in their order.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let url = reqwest::Url::parse(&format!("http://tenant/?{text}")).expect("a query that came in a request");
        Self(url.query_pairs().into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Those whose name starts so: `filter`, `filter[0]`, `filter[or][0]`.
    pub(crate) fn starting(&self, with: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(move |(key, _)| key.starts_with(with)).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// JumpCloud's default is 10. More than 100 is refused, not cut.
    pub(crate) fn limit(&self) -> Result<usize, String> {
        self.limit_of(10, 100)
    }

    /// The same where the default and the most are others.
    pub(crate) fn limit_of(&self, default: usize, most: usize) -> Result<usize, String> {
        match self.get("limit").map(str::parse) {
            None => Ok(default),
            Some(Ok(limit)) if (1..=most).contains(&limit) => Ok(limit),
            Some(Ok(0) | Err(_)) => Err("request parameter \"limit\" is not a positive number".to_owned()),
            Some(Ok(_)) => Err(format!("request parameter \"limit\" exceeds maximum value of {most}")),
        }
    }

    pub(crate) fn skip(&self) -> usize {
        self.get("skip").and_then(|skip| skip.parse().ok()).unwrap_or(0)
    }
}

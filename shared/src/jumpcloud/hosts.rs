//! Where an organization is: JumpCloud's hosts by region.

use reqwest::Url;

/// A region of JumpCloud. An organization is in exactly one, and its keys are refused with 401 by the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// `us`, where most organizations are.
    Us,
    /// `eu`.
    Eu,
    /// `in`.
    In,
}

impl Region {
    const ALL: [Self; 3] = [Self::Us, Self::Eu, Self::In];

    /// `us`, `eu` or `in`, whatever the case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name().eq_ignore_ascii_case(text))
    }

    /// The same word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::In => "in",
        }
    }
}

/// The hosts of one organization. The credentials go to all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The base of API v1, below which v2 is, without a slash at its end: `https://console.jumpcloud.com/api`.
    pub api: String,
    /// Where service accounts get their tokens.
    pub token: String,
    /// The base of Directory Insights.
    pub insights: String,
}

impl Hosts {
    /// Those of a region, as JumpCloud's own command line and PowerShell module have them.
    pub fn of(region: Region) -> Self {
        let infix = match region {
            Region::Us => "",
            Region::Eu => ".eu",
            Region::In => ".in",
        };
        Self {
            api: format!("https://console{infix}.jumpcloud.com/api"),
            token: format!("https://admin-oauth.id{infix}.jumpcloud.com/oauth2/token"),
            insights: format!("https://api{infix}.jumpcloud.com/insights/directory/v1"),
        }
    }

    /// Those that belong to an `api` that somebody named. A console of JumpCloud is of one region, and so are the others. Of
    /// any other host (a gateway, a rehearsal) only the API is known: the others are those of `region`, or, without one, on
    /// that host as well, so that nothing that is meant for it leaves it.
    pub fn at(api: &Url, region: Option<Region>) -> Self {
        let named = api.as_str().trim_end_matches('/').to_owned();
        let is_console = |hosts: &Self| Url::parse(&hosts.api).is_ok_and(|console| console.origin() == api.origin());
        let region = Region::ALL.into_iter().find(|region| is_console(&Self::of(*region))).or(region);
        match region {
            Some(region) => Self { api: named, ..Self::of(region) },
            None => {
                let origin = api.origin().ascii_serialization();
                let (token, insights) = (format!("{origin}/oauth2/token"), format!("{origin}/insights/directory/v1"));
                Self { api: named, token, insights }
            }
        }
    }

    /// The region that all of them are JumpCloud's own of.
    pub fn region(&self) -> Option<Region> {
        Region::ALL.into_iter().find(|region| Self::of(*region) == *self)
    }

    /// The host of a URL among them, for messages.
    pub fn name(url: &str) -> &str {
        url.split('/').nth(2).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(api: &str, region: Option<Region>) -> Hosts {
        Hosts::at(&Url::parse(api).unwrap(), region)
    }

    #[test]
    fn a_named_console_leads_to_the_other_hosts_of_its_region() {
        for (api, region) in [
            ("https://console.jumpcloud.com/api", Region::Us),
            ("https://console.eu.jumpcloud.com/api/", Region::Eu),
            ("https://CONSOLE.in.jumpcloud.com/api", Region::In),
        ] {
            for other in [None, Some(Region::Us), Some(Region::Eu)] {
                assert_eq!(at(api, other), Hosts::of(region), "{api} {other:?}");
            }
        }
        assert_eq!(Hosts::of(Region::Eu).token, "https://admin-oauth.id.eu.jumpcloud.com/oauth2/token");
    }

    #[test]
    fn another_host_has_all_of_it_unless_a_region_is_named() {
        let gateway = at("http://127.0.0.1:9002/api", None);
        assert_eq!(gateway.api, "http://127.0.0.1:9002/api");
        assert_eq!(gateway.token, "http://127.0.0.1:9002/oauth2/token");
        assert_eq!(gateway.insights, "http://127.0.0.1:9002/insights/directory/v1");
        let gateway = at("https://gateway.company.com/jumpcloud/api", Some(Region::In));
        assert_eq!(
            gateway,
            Hosts { api: "https://gateway.company.com/jumpcloud/api".to_owned(), ..Hosts::of(Region::In) }
        );
    }

    #[test]
    fn a_region_is_one_of_three_words() {
        assert_eq!((Region::parse("us"), Region::parse("EU")), (Some(Region::Us), Some(Region::Eu)));
        for text in ["", "standard", "us-east-1", "e u"] {
            assert_eq!(Region::parse(text), None, "{text}");
        }
    }
}

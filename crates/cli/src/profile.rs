//! The AWS tools' profile files, `~/.aws/config` and `~/.aws/credentials`.
//!
//! The format looks like INI but has sub-properties: an indented line belongs to the property
//! above it. Only what names an endpoint, a region and a static key is looked at; the official
//! parser comes with the whole SDK.

use std::collections::BTreeMap;

/// A parsed file: sections of properties. A sub-property is `PROPERTY.SUB`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileFile(BTreeMap<String, BTreeMap<String, String>>);

impl ProfileFile {
    /// Reads what can be read; lines that make no sense are skipped, as the AWS tools do.
    pub(crate) fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut section = None;
        let mut parent: Option<String> = None;
        for line in text.lines() {
            if let Some(name) = section_name(line) {
                file.0.entry(name.clone()).or_default();
                section = Some(name);
                parent = None;
                continue;
            }
            let (Some(section), Some((key, value))) = (&section, property(line)) else { continue };
            let properties = file.0.entry(section.clone()).or_default();
            if line.starts_with([' ', '\t']) {
                let Some(parent) = &parent else { continue };
                properties.insert(format!("{parent}.{key}"), value);
            } else {
                parent = Some(key.clone());
                properties.insert(key, value);
            }
        }
        file
    }

    /// The profile `name` of a `config` file, where sections are called `profile NAME`.
    pub(crate) fn config_profile(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        let prefixed = self.0.get(&format!("profile {name}"));
        prefixed.or_else(|| if name == "default" { self.0.get(name) } else { None })
    }

    /// The profile `name` of a `credentials` file, where sections are called `NAME`.
    pub(crate) fn credentials_profile(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.0.get(name)
    }

    /// The endpoint that the section `services NAME` of a `config` file gives to Kinesis.
    pub(crate) fn services_endpoint(&self, name: &str) -> Option<&str> {
        let services = self.0.get(&format!("services {name}"))?;
        services.get("kinesis.endpoint_url").map(String::as_str)
    }
}

/// `[ a  b ]` is the section `a b`.
fn section_name(line: &str) -> Option<String> {
    let inside = line.strip_prefix('[')?.split(']').next()?;
    Some(inside.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn property(line: &str) -> Option<(String, String)> {
    if line.trim_start().starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    // A comment may follow the value after a blank.
    let end = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    let value = &value[..end.unwrap_or(value.len())];
    Some((key.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
# the usual one
[default]
region = eu-central-1   ; near
endpoint_url=http://127.0.0.1:1

[profile   dev]
services = local
Region = us-west-2
s3 =
  max_concurrent_requests = 20
nonsense

[services local]
dynamodb =
  endpoint_url = http://127.0.0.1:2
kinesis =
  endpoint_url = http://127.0.0.1:3
";

    #[test]
    fn profiles_properties_comments_and_sub_properties_are_read() {
        let file = ProfileFile::parse(CONFIG);
        let default = file.config_profile("default").expect("it is there");
        assert_eq!(default["region"], "eu-central-1");
        assert_eq!(default["endpoint_url"], "http://127.0.0.1:1");
        let dev = file.config_profile("dev").expect("it is there");
        assert_eq!(dev["region"], "us-west-2");
        assert_eq!(dev["s3.max_concurrent_requests"], "20");
        assert_eq!(file.services_endpoint("local"), Some("http://127.0.0.1:3"));
        assert_eq!(file.services_endpoint("other"), None);
    }

    #[test]
    fn a_bare_section_is_a_profile_only_in_the_credentials_file() {
        let file = ProfileFile::parse("[dev]\naws_access_key_id = AKID\n");
        assert_eq!(file.config_profile("dev"), None);
        let profile = file.credentials_profile("dev").expect("it is there");
        assert_eq!(profile["aws_access_key_id"], "AKID");
    }

    #[test]
    fn any_text_is_read_without_a_complaint() {
        for text in ["", "=", "[", "[]\n=\n =", "  a = b", "key = 1\n[x", "\u{feff}[x]\n\ta"] {
            ProfileFile::parse(text);
        }
    }
}

//! Writing XML: elements within elements, texts escaped.

use bytes::Bytes;
use model::Timestamp;

use crate::envelope::Response;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A document that is being written.
pub(super) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    pub(super) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name, "");
        content(self);
        self.close(name);
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.indent();
        let escaped = escaped(value);
        self.text.push_str(&format!("<{name}>{escaped}</{name}>\n"));
    }

    fn open(&mut self, name: &str, attributes: &str) {
        self.indent();
        self.text.push_str(&format!("<{name}{attributes}>\n"));
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.indent();
        self.text.push_str(&format!("</{name}>\n"));
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.depth));
    }
}

/// A document of STS's namespace with this root.
pub(super) fn document(root: &str, content: impl FnOnce(&mut Xml)) -> Bytes {
    let mut xml = Xml { text: String::new(), depth: 0 };
    xml.open(root, &format!(" xmlns=\"{NAMESPACE}\""));
    content(&mut xml);
    xml.close(root);
    xml.text.into()
}

/// The response of an action that was carried out.
pub(super) fn success(action: &str, request_id: &str, result: impl FnOnce(&mut Xml)) -> Response {
    let body = document(&format!("{action}Response"), |xml| {
        xml.element(&format!("{action}Result"), result);
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    response(200, body)
}

pub(super) fn response(status: u16, body: Bytes) -> Response {
    Response { status, headers: vec![("content-type", "text/xml".into())], body }
}

/// `2027-01-15T08:00:00Z`.
pub(super) fn moment(time: Timestamp) -> String {
    let seconds = i64::try_from(time.as_seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// Characters that XML cannot have become question marks.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(char),
            control if control.is_control() => escaped.push('?'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            char => escaped.push(char),
        }
    }
    escaped
}

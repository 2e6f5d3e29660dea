//! A request as HTTP gives it, without an HTTP library.

/// What the envelope and the signature look at, besides the body.
#[derive(Clone, Debug)]
pub struct HttpRequest<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The path, as sent: nothing decoded.
    pub path: &'a str,
    /// What follows the `?`, as sent; empty if nothing does.
    pub query: &'a str,
    /// The headers.
    pub headers: Headers<'a>,
}

/// The headers of a request, in the order they were sent. Names must be in lower case; over
/// HTTP/2 the authority must have been added, as `:authority` and as `host`.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Headers<'a> {
    /// The first value of a header, if it is text.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of a header.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.0.iter().filter(move |(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Every header.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.0.iter().copied()
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Headers<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

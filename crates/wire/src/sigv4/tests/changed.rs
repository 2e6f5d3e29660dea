//! Signed requests that were changed on their way.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// A request whose parts can be changed one by one.
#[derive(Clone, Debug)]
struct Sent {
    /// Method, path, query and body, then names and values of headers in turn.
    parts: Vec<Vec<u8>>,
}

impl Sent {
    fn of(request: &HttpRequest<'_>, body: &[u8]) -> Self {
        let line = [request.method, request.path, request.query].map(str::as_bytes);
        let headers = request.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]);
        let parts = line.into_iter().chain([body]).chain(headers);
        Self { parts: parts.map(<[u8]>::to_vec).collect() }
    }

    /// What is no text cannot arrive in the place of one.
    fn texts(&self) -> Vec<String> {
        self.parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }

    fn request<'a>(&'a self, texts: &'a [String]) -> HttpRequest<'a> {
        let headers = (4..self.parts.len()).step_by(2);
        HttpRequest {
            method: &texts[0],
            path: &texts[1],
            query: &texts[2],
            headers: headers.map(|at| (texts[at].as_str(), &self.parts[at + 1][..])).collect(),
        }
    }

    fn judge(&self) -> Result<(), ApiError> {
        authenticate(&self.request(&self.texts()), &self.parts[3], NOW)
    }

    /// Who signed what, when and for what: all that a signature vouches for.
    fn meaning(&self) -> (Vec<u8>, String, String) {
        let texts = self.texts();
        let request = self.request(&texts);
        let signed = parse(&request).unwrap();
        let payload = PayloadHash::of(&self.parts[3]);
        let canonical = canonical_request(&request, &signed.signed_headers, payload);
        (canonical, signed.date.to_string(), signed.credential.to_string())
    }
}

/// The places of the letters and digits that a signature covers, and of its own. Not among them
/// are the algorithm, of which whatever follows `AWS4-` is let pass, the names of empty headers,
/// which mean the same as none, and a path from which `..` takes something away.
fn covered_letters(sent: &Sent) -> Vec<(usize, usize)> {
    const UNSIGNED: &[u8] = b"AWS4-HMAC-SHA256 ";
    let texts = sent.texts();
    let signed = parse(&sent.request(&texts)).unwrap().signed_headers;
    let is_covered = |at: usize| match at {
        1 => !texts[1].contains(".."),
        0 | 2 | 3 => true,
        _ if at.is_multiple_of(2) => signed.contains(&texts[at]) && !texts[at + 1].is_empty(),
        _ => signed.contains(&texts[at - 1]) || texts[at - 1] == "authorization",
    };
    let mut letters = Vec::new();
    for (at, part) in sent.parts.iter().enumerate().filter(|(at, _)| is_covered(*at)) {
        let from = if part.starts_with(UNSIGNED) { UNSIGNED.len() } else { 0 };
        let places = (from..part.len()).filter(|&place| part[place].is_ascii_alphanumeric());
        letters.extend(places.map(|place| (at, place)));
    }
    letters
}

#[test]
fn no_letter_of_what_is_signed_can_be_changed() {
    for vector in Vector::all() {
        let sent = Sent::of(&vector.request(), vector.body.as_bytes());
        assert_eq!(sent.judge(), Ok(()), "{}", vector.name);
        let letters = covered_letters(&sent);
        assert!(letters.len() > 200, "{}", vector.name);
        for (at, place) in letters {
            let mut changed = sent.clone();
            let letter = &mut changed.parts[at][place];
            *letter = if letter.eq_ignore_ascii_case(&b'q') { b'7' } else { b'q' };
            assert!(changed.judge().is_err(), "{}: {:?}", vector.name, changed.texts());
        }
    }
}

prop_compose! {
    /// Something signed here.
    fn signed()(
        method in select(vec!["GET", "POST"]),
        path in "(/[a-z.%é ]{0,6}){0,3}",
        query in "([a-z%é+=]{0,8}&?){0,3}",
        value in prop::collection::vec(any::<u8>(), 0..12),
        session_token in prop::option::of("[a-zA-Z0-9/+=]{1,20}"),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) -> Sent {
        let own = [
            ("host", &b"localhost"[..]),
            ("x-amz-target", b"Kinesis_20131202.PutRecord"),
            ("x-own", &value),
        ];
        let headers = own.into_iter().collect();
        let plain = HttpRequest { method, path: &path, query: &query, headers };
        let credentials = Credentials { session_token, ..credentials() };
        let added = sign(&plain, PayloadHash::of(&body), &credentials, "eu-west-1", NOW);
        let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
        let headers = own.into_iter().chain(added).collect();
        Sent::of(&HttpRequest { headers, ..plain }, &body)
    }
}

/// A byte of a part that becomes another, or that comes before what was there.
fn harm() -> impl Strategy<Value = (Index, Index, Option<u8>, bool)> {
    let byte = prop_oneof![any::<u8>(), select(b"/.%&=+;, \t\nA0".to_vec())];
    (any::<Index>(), any::<Index>(), prop::option::weighted(0.9, byte), any::<bool>())
}

proptest! {
    #[test]
    fn whatever_happens_to_a_request_it_is_refused_or_means_what_was_signed(
        sent in signed(),
        harm in prop::collection::vec(harm(), 1..4),
    ) {
        prop_assert_eq!(sent.judge(), Ok(()));
        let mut changed = sent.clone();
        for (part, place, byte, inserted) in harm {
            let part = part.get_mut(&mut changed.parts);
            let place = place.index(part.len() + 1);
            let end = if inserted { place } else { part.len().min(place + 1) };
            part.splice(place..end, byte);
        }
        if changed.judge().is_ok() {
            prop_assert_eq!(changed.meaning(), sent.meaning());
            prop_assert_eq!(&changed.parts[3], &sent.parts[3]);
        }
    }
}

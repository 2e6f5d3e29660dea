//! Texts of policies with wildcards and variables, taken apart once and matched often.

use super::Keys;
use super::document::Malformed;

/// How a text of a policy is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Wildcards are ordinary characters.
    Plain,
    /// `*` is any text, `?` any character.
    Glob,
    /// The same, in an ARN of a Resource element: within the first five parts a wildcard stays in
    /// its part, unless it is a `*` that ends it.
    Resource,
    /// The same, in an ARN of a condition: each of the six parts is for itself.
    Arn,
}

/// A text of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    has_variables: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// One character, which may be a colon if it `crosses`.
    One {
        crosses: bool,
    },
    /// Any characters, colons among them if it `crosses`.
    Run {
        crosses: bool,
    },
    Variable {
        /// In lower case.
        key: String,
        default: Option<String>,
    },
}

impl Pattern {
    /// Takes a text apart. Without `variables`, as in documents of the oldest version, `${` is
    /// text.
    pub(super) fn parse(text: &str, syntax: Syntax, variables: bool) -> Result<Self, Malformed> {
        let mut builder = Builder::new(syntax);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if variables && let Some(after) = rest.strip_prefix("${") {
                let end = after.find('}').ok_or_else(|| bad_variable(text))?;
                builder.variable(&after[..end]).ok_or_else(|| bad_variable(text))?;
                rest = &after[end + 1..];
                continue;
            }
            rest = &rest[first.len_utf8()..];
            builder.character(first, rest);
        }
        Ok(builder.finish())
    }

    /// Whether `text` is one of those that the pattern stands for. A variable that the request
    /// has no single value for, and that has no default, matches nothing.
    pub(super) fn matches(&self, text: &str, keys: &Keys<'_>) -> bool {
        if !self.has_variables {
            return matches(&self.pieces, text);
        }
        self.resolve(keys).is_some_and(|pieces| matches(&pieces, text))
    }

    /// The text of a pattern without wildcards.
    pub(super) fn text(&self, keys: &Keys<'_>) -> Option<String> {
        let mut text = String::new();
        for piece in self.resolve(keys)? {
            let Piece::Text(piece) = piece else { return None };
            text.push_str(&piece);
        }
        Some(text)
    }

    /// The pieces with the values of the variables in their places; wildcards in those are text.
    fn resolve(&self, keys: &Keys<'_>) -> Option<Vec<Piece>> {
        let resolved = |piece: &Piece| match piece {
            Piece::Variable { key, default } => {
                let single = keys(key).filter(|values| values.len() == 1);
                let value = single.and_then(|mut values| values.pop());
                value.or_else(|| default.clone()).map(Piece::Text)
            }
            other => Some(other.clone()),
        };
        self.pieces.iter().map(resolved).collect()
    }
}

fn bad_variable(text: &str) -> Malformed {
    Malformed::new(format!("Invalid policy variable in \"{text}\"."))
}

struct Builder {
    syntax: Syntax,
    pieces: Vec<Piece>,
    text: String,
    colons: usize,
}

impl Builder {
    fn new(syntax: Syntax) -> Self {
        Self { syntax, pieces: Vec::new(), text: String::new(), colons: 0 }
    }

    /// Adds a character that `rest` follows.
    fn character(&mut self, character: char, rest: &str) {
        let in_parts = matches!(self.syntax, Syntax::Resource | Syntax::Arn) && self.colons < 5;
        match character {
            '*' if self.syntax != Syntax::Plain => {
                let ends =
                    self.syntax == Syntax::Resource && (rest.is_empty() || rest.starts_with(':'));
                self.piece(Piece::Run { crosses: !in_parts || ends });
            }
            '?' if self.syntax != Syntax::Plain => self.piece(Piece::One { crosses: !in_parts }),
            other => {
                self.colons += usize::from(other == ':');
                self.text.push(other);
            }
        }
    }

    /// Adds what stands between `${` and `}`.
    fn variable(&mut self, inside: &str) -> Option<()> {
        if let "*" | "?" | "$" = inside {
            self.text.push_str(inside);
            return Some(());
        }
        let (key, default) = match inside.split_once(',') {
            None => (inside, None),
            Some((key, default)) => {
                let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                (key, Some(default.to_owned()))
            }
        };
        let key = key.trim().to_lowercase();
        let is_key = key.split_once(':').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        if !is_key {
            return None;
        }
        self.piece(Piece::Variable { key, default });
        Some(())
    }

    fn piece(&mut self, piece: Piece) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text)));
        }
        // Two stars side by side are one; it costs nothing and saves walking the text twice.
        if self.pieces.last() != Some(&piece) || !matches!(piece, Piece::Run { .. }) {
            self.pieces.push(piece);
        }
    }

    fn finish(mut self) -> Pattern {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(self.text));
        }
        let has_variables = self.pieces.iter().any(|p| matches!(p, Piece::Variable { .. }));
        Pattern { pieces: self.pieces, has_variables }
    }
}

/// Matches from the left. When it fails, only the last run that crosses colons and the last one
/// after it that does not need to be lengthened: whatever an earlier run could take in addition,
/// a later one can take as well.
fn matches(pieces: &[Piece], text: &str) -> bool {
    let (mut piece, mut at) = (0, 0);
    // After each of these runs, the next piece and where its text was looked for last.
    let mut near = None::<(usize, usize)>;
    let mut far = None::<(usize, usize)>;
    let next = |at: usize| text[at..].chars().next();
    loop {
        let step = match pieces.get(piece) {
            None if at == text.len() => return true,
            None | Some(Piece::Variable { .. }) => None,
            Some(Piece::Text(wanted)) => text[at..].starts_with(&**wanted).then_some(wanted.len()),
            Some(Piece::One { crosses }) => {
                next(at).filter(|c| *crosses || *c != ':').map(char::len_utf8)
            }
            Some(Piece::Run { crosses }) => {
                let run = Some((piece + 1, at));
                (near, far) = if *crosses { (None, run) } else { (run, far) };
                Some(0)
            }
        };
        if let Some(step) = step {
            piece += 1;
            at += step;
            continue;
        }
        if let Some((after, from)) = near
            && let Some(taken) = next(from).filter(|c| *c != ':')
        {
            near = Some((after, from + taken.len_utf8()));
            (piece, at) = (after, from + taken.len_utf8());
        } else if let Some((after, from)) = far
            && let Some(taken) = next(from)
        {
            (near, far) = (None, Some((after, from + taken.len_utf8())));
            (piece, at) = (after, from + taken.len_utf8());
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str, syntax: Syntax) -> Pattern {
        Pattern::parse(text, syntax, true).unwrap()
    }

    fn is(pattern: &str, syntax: Syntax, text: &str) -> bool {
        parsed(pattern, syntax).matches(text, &|_| None)
    }

    /// The same question, asked in the plainest way.
    fn naive(pieces: &[Piece], text: &[char]) -> bool {
        let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
        match piece {
            Piece::Text(wanted) => {
                let wanted: Vec<char> = wanted.chars().collect();
                text.strip_prefix(&wanted[..]).is_some_and(|text| naive(rest, text))
            }
            Piece::One { crosses } => text
                .split_first()
                .is_some_and(|(c, text)| (*crosses || *c != ':') && naive(rest, text)),
            Piece::Run { crosses } => {
                let longest = if *crosses { None } else { text.iter().position(|c| *c == ':') };
                (0..=longest.unwrap_or(text.len())).any(|taken| naive(rest, &text[taken..]))
            }
            Piece::Variable { .. } => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn the_matcher_agrees_with_the_naive_one(
            pattern in "[ab:*?]{0,14}",
            text in "[ab:]{0,16}",
            syntax in prop::sample::select(vec![
                Syntax::Plain, Syntax::Glob, Syntax::Resource, Syntax::Arn,
            ]),
        ) {
            let pattern = parsed(&pattern, syntax);
            let characters: Vec<char> = text.chars().collect();
            prop_assert_eq!(matches(&pattern.pieces, &text), naive(&pattern.pieces, &characters));
        }

        #[test]
        fn any_runs_in_any_order_are_matched_as_the_naive_matcher_does(
            pieces in prop::collection::vec(prop_oneof![
                "[ab:]{1,2}".prop_map(Piece::Text),
                any::<bool>().prop_map(|crosses| Piece::One { crosses }),
                any::<bool>().prop_map(|crosses| Piece::Run { crosses }),
            ], 0..8),
            text in "[ab:]{0,14}",
        ) {
            // A character that may be a colon stands beyond the parts where runs stop at colons.
            let crosses = |piece: &Piece| !matches!(
                piece, Piece::One { crosses: false } | Piece::Run { crosses: false }
            );
            let last = pieces.iter().rposition(|piece| !crosses(piece)).unwrap_or(0);
            let is_loose = |piece: &Piece| matches!(piece, Piece::One { crosses: true });
            prop_assume!(!pieces[..last].iter().any(is_loose));
            let characters: Vec<char> = text.chars().collect();
            prop_assert_eq!(matches(&pieces, &text), naive(&pieces, &characters));
        }

        #[test]
        fn no_text_makes_the_reader_or_the_matcher_panic(pattern in ".{0,40}", text in ".{0,40}") {
            for syntax in [Syntax::Plain, Syntax::Glob, Syntax::Resource, Syntax::Arn] {
                if let Ok(pattern) = Pattern::parse(&pattern, syntax, true) {
                    pattern.matches(&text, &|_| Some(vec!["é*".into()]));
                }
            }
        }
    }

    #[test]
    fn wildcards_stay_within_their_part_of_an_arn_but_for_a_star_that_ends_it() {
        let arn = "arn:aws:kinesis:us-east-1:111122223333:stream/a";
        assert!(is("arn:aws:kinesis:us-*-1:111122223333:stream/*", Syntax::Resource, arn));
        assert!(is("arn:aws:kinesis:*", Syntax::Resource, arn));
        assert!(!is("arn:aws:kinesis:*", Syntax::Arn, arn));
        assert!(is("arn:*:kinesis:*:*:*", Syntax::Arn, arn));
        assert!(!is("arn:aws:kine*a", Syntax::Resource, arn));
        assert!(!is("arn:aws:kinesis:us-east-1?111122223333:stream/a", Syntax::Resource, arn));
        let consumer = "arn:aws:kinesis:us-east-1:111122223333:stream/a/consumer/c:15";
        assert!(is("arn:aws:kinesis:*:*:stream/*", Syntax::Resource, consumer));
    }

    #[test]
    fn values_of_variables_are_no_patterns() {
        let pattern = parsed("home/${aws:username}/*", Syntax::Glob);
        let named = |name: &'static str| {
            move |key: &str| (key == "aws:username").then(|| vec![name.to_owned()])
        };
        assert!(pattern.matches("home/al/x", &named("al")));
        assert!(pattern.matches("home/*/x", &named("*")));
        assert!(!pattern.matches("home/al/x", &named("*")));
        assert!(!pattern.matches("home//x", &|_| None));
        assert!(is("${aws:username, 'all'}${*}${?}${$}", Syntax::Glob, "all*?$"));
        assert!(!is("${*}", Syntax::Glob, "x"));
    }

    #[test]
    fn variables_that_are_none_are_refused() {
        for bad in ["${", "${}", "${aws:username", "${nocolon}", "${aws:x, y}", "${aws:}"] {
            assert!(Pattern::parse(bad, Syntax::Glob, true).is_err(), "{bad}");
            assert!(Pattern::parse(bad, Syntax::Glob, false).is_ok(), "{bad}");
        }
    }
}

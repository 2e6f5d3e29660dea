//! How AWS writes a value into an error text: as Java prints it.

use std::fmt::Write as _;

use super::Shape;
use crate::value::Value;

/// The longest rendering of a value in a text. Beyond it the value is left out, as AWS's newer
/// texts do for large members; without it a refused body would come back whole.
const RENDERED_BYTES_MAX: usize = 48 * 1024;

/// The longest piece of a text that a type mismatch repeats.
const REPEATED_BYTES_MAX: usize = 1024;

/// The value in quotes with a leading blank, ` null`, or nothing if it is too long.
pub(super) fn quoted(value: &Value<'_>, shape: &Shape) -> String {
    if *value == Value::Null {
        return " null".to_owned();
    }
    let mut rendered = String::from(" '");
    if render(&mut rendered, value, shape) {
        rendered.push('\'');
        rendered
    } else {
        String::new()
    }
}

/// The beginning of a text, at a character boundary.
pub(super) fn shortened(text: &str) -> &str {
    let end = (0..=text.len().min(REPEATED_BYTES_MAX)).rfind(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

/// False as soon as the rendering is too long.
fn render(out: &mut String, value: &Value<'_>, shape: &Shape) -> bool {
    match (value, shape) {
        (Value::List(elements), Shape::List(list)) => {
            let complete = render_joined(out, ['[', ']'], elements.iter(), |out, element| {
                render(out, element, &list.element)
            });
            return complete;
        }
        (Value::Map(entries), Shape::Map(_)) => {
            return render_joined(out, ['{', '}'], entries.iter(), |out, (key, value)| {
                out.push_str(key);
                out.push('=');
                render(out, value, shape)
            });
        }
        (Value::Map(members), Shape::Structure(structure)) => {
            // Java shows an object's identity here; the number of members is as good as any.
            let _ = write!(
                out,
                "com.amazonaws.kinesis.v20131202.{}@{:x}",
                structure.name,
                members.len()
            );
        }
        (Value::Blob(bytes), _) => {
            let length = bytes.len();
            let _ = write!(out, "java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]");
        }
        (Value::Str(text), _) => out.push_str(text),
        (Value::Int(number) | Value::Timestamp(number), _) => {
            let _ = write!(out, "{number}");
        }
        (Value::Bool(truth), _) => {
            let _ = write!(out, "{truth}");
        }
        _ => out.push_str("null"),
    }
    out.len() <= RENDERED_BYTES_MAX
}

fn render_joined<T>(
    out: &mut String,
    [open, close]: [char; 2],
    parts: impl Iterator<Item = T>,
    mut render: impl FnMut(&mut String, T) -> bool,
) -> bool {
    out.push(open);
    for (at, part) in parts.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if !render(out, part) {
            return false;
        }
    }
    out.push(close);
    true
}

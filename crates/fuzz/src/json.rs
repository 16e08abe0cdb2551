//! Damage to the structure of JSON: other types, values at the ends of ranges, keys that are missing
//! or come twice.

use rand::RngExt;
use serde_json::{Map, Value, json};

/// Returns the text with a change to its structure; `None` if it is not JSON.
pub(crate) fn mutated(text: &[u8], random: &mut impl RngExt) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    for _ in 0..random.random_range(1..=3) {
        let nodes = count(&value);
        let node = random.random_range(0..nodes);
        change(nth(&mut value, &mut { node })?, random);
    }
    serde_json::to_vec(&value).ok()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns the node with a number, counted from the root.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        _ => None,
    }
}

fn change(value: &mut Value, random: &mut impl RngExt) {
    if random.random_range(0..2) == 0 && change_inside(value, random) {
        return;
    }
    let others = [
        Value::Null,
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(u32::MAX),
        json!(4_000_000_000u64),
        json!(0.5),
        json!(-0.0),
        json!(1e300),
        json!(5e-324),
        json!(""),
        json!("\u{0}"),
        json!("a".repeat(10_000)),
        json!("../../x"),
        json!([]),
        json!({}),
        json!([value.clone(), value.clone()]),
        json!({ "": value.clone() }),
        (0..200).fold(value.clone(), |inner, _| json!([inner])),
    ];
    *value = others[random.random_range(0..others.len())].clone();
}

/// Changes the items of a list, the keys of an object or the digits of a number; returns whether it
/// could.
fn change_inside(value: &mut Value, random: &mut impl RngExt) -> bool {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = random.random_range(0..items.len());
            match random.random_range(0..3) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => items.rotate_left(at),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let at = random.random_range(0..fields.len());
            rename(fields, at, random.random_range(0..3));
        }
        Value::Number(number) => {
            let by = [-1.0, 1.0, 0.5, 1e6][random.random_range(0..4)];
            let number = number.as_f64().unwrap_or_default();
            *value = match random.random_range(0..2) {
                0 => json!((number + by) as i64),
                _ => json!(number * by),
            };
        }
        _ => return false,
    }
    true
}

/// Removes the key at a position, gives it another name, or its value to another key, too.
fn rename(fields: &mut Map<String, Value>, at: usize, how: u32) {
    let Some(key) = fields.keys().nth(at).cloned() else {
        return;
    };
    let value = match how {
        2 => fields.get(&key).cloned(),
        _ => fields.remove(&key),
    };
    if let (Some(value), true) = (value, how > 0) {
        fields.insert(format!("{key}x"), value);
    }
}

#[cfg(test)]
mod tests {
    use finetune_random::{Purpose, generator};

    use super::*;

    #[test]
    fn every_node_is_reached_and_the_result_is_json() {
        let text = br#"{"a": [1, {"b": "c"}], "d": 2.5}"#;
        let mut found = std::collections::HashSet::new();
        for number in 0..2000 {
            let mut random = generator(7, Purpose::Search, number, 2);
            let damaged = mutated(text, &mut random).unwrap();
            if let Err(error) = serde_json::from_slice::<Value>(&damaged) {
                // Deep nesting is damage, too.
                let message = error.to_string();
                assert!(message.starts_with("recursion limit"), "{message}");
            }
            found.insert(damaged);
        }
        assert!(found.len() > 500, "{}", found.len());
        let mut random = generator(7, Purpose::Search, 0, 2);
        assert_eq!(mutated(b"{", &mut random), None);
    }
}

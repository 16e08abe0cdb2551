//! Matching of file name patterns and validation of names.

/// Returns whether a name matches a pattern, in which `*` matches any characters except `/`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    let part = rest.find('/').unwrap_or(rest.len());
    let ends = rest
        .char_indices()
        .map(|(place, _)| place)
        .chain([rest.len()]);
    ends.take_while(|&end| end <= part)
        .any(|end| matches(after, &rest[end..]))
}

/// Returns whether a relative path stays inside the directory that it is joined to.
pub(crate) fn is_inside(name: &str) -> bool {
    let safe = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.split('/').all(safe) && !name.contains(['\\', '\0', ':'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_a_part_of_a_name() {
        for (pattern, name, expected) in [
            ("config.json", "config.json", true),
            ("config.json", "data/config.json", false),
            ("data/*.parquet", "data/train-00000-of-00001.parquet", true),
            ("data/*.parquet", "data/a/b.parquet", false),
            ("*/train-*.parquet", "plain_text/train-0.parquet", true),
            ("train-*", "train-", true),
            ("*é*", "aéb", true),
            ("*", "a/b", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_that_climb_out_are_not_inside() {
        for name in ["a", "a/b.c", "..a/b..", "é"] {
            assert!(is_inside(name), "{name}");
        }
        for name in [
            "", "..", "a/../b", "/a", "a//b", "./a", "a\\..\\b", "c:/a", "a\0",
        ] {
            assert!(!is_inside(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_stars_in_it(name in "[a-z/é]{0,12}", from in 0usize..12, to in 0usize..12) {
            prop_assert!(matches(&name, &name));
            let characters: Vec<char> = name.chars().collect();
            let (from, to) = (from.min(to).min(characters.len()), from.max(to).min(characters.len()));
            let cut = &characters[from..to];
            let pattern: String = characters[..from].iter().chain(&['*']).chain(&characters[to..]).collect();
            prop_assert_eq!(matches(&pattern, &name) || cut.contains(&'/'), true);
        }
    }
}

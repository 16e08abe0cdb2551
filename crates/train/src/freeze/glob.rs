//! Glob patterns of parameter paths.

/// Returns whether a path matches `pattern`, in which `*` matches any characters.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(mut path) = path.strip_prefix(start) else {
        return false;
    };
    let (between, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The first match is the best one: it leaves the most for the rest of the pattern.
    for part in between.split('*') {
        match path.split_once(part) {
            Some((_, after)) => path = after,
            None => return false,
        }
    }
    path.ends_with(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, path, expected) in [
            ("head.bias", "head.bias", true),
            ("head.bias", "head.bias.x", false),
            ("head", "head.bias", false),
            ("*", "encoder.layers.0.norm.gamma", true),
            ("encoder.*.gamma", "encoder.layers.0.norm.gamma", true),
            ("encoder.*.gamma", "encoder.layers.0.norm.beta", false),
            ("*.layers.1.*", "encoder.layers.1.norm.beta", true),
            ("*.layers.1.*", "encoder.layers.11.norm.beta", false),
            ("*a*a", "a", false),
            ("*a*a", "aba", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    proptest! {
        /// A path with pieces replaced by stars still matches.
        #[test]
        fn a_path_is_what_it_is_made_of(parts in prop::collection::vec("[ab.é]{0,4}", 1..6), starred in prop::collection::vec(any::<bool>(), 6)) {
            let path = parts.concat();
            let pattern: Vec<&str> = parts
                .iter()
                .zip(&starred)
                .map(|(part, star)| if *star { "*" } else { part.as_str() })
                .collect();
            prop_assert!(matches(&pattern.concat(), &path));
        }
    }
}

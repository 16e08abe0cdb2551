//! Tagging schemes of the strict mode: which pairs of tags begin, continue and end an entity.

use serde::{Deserialize, Serialize};

/// Tagging scheme, as the classes of seqeval's `scheme` module.
///
/// | scheme | begins with | continues with | ends with | one word |
/// |---|---|---|---|---|
/// | `iob1` | `I`, or `B` behind the same type | `I` | `I` | `I` |
/// | `iob2` | `B` | `I` | `I` | `B` |
/// | `ioe1` | `I` | `I` | `I`, or `E` before the same type | `I` |
/// | `ioe2` | `I` | `I` | `E` | `E` |
/// | `iobes` | `B` | `I` | `E` | `S` |
/// | `bilou` | `B` | `I` | `L` | `U` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityScheme {
    /// IOB1, of the CoNLL 2003 files.
    Iob1,
    /// IOB2, also called BIO.
    Iob2,
    /// IOE1.
    Ioe1,
    /// IOE2.
    Ioe2,
    /// IOBES, also called BIOES.
    Iobes,
    /// BILOU.
    Bilou,
}

/// Relation between the types of two tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Types {
    Same,
    Different,
    Any,
}

use Types::{Any, Different, Same};

/// Prefixes of the first tag, prefixes of the second, and how their types are related.
type Pattern = (&'static str, &'static str, Types);

/// Prefixes of a scheme, and the pairs of tags that make the second a start or a continuation, or
/// the first an end.
pub(super) struct Patterns {
    pub(super) prefixes: &'static str,
    start: &'static [Pattern],
    inside: &'static [Pattern],
    end: &'static [Pattern],
}

/// Every prefix.
const ALL: &str = "IOBESUL";

const IOB1: Patterns = Patterns {
    prefixes: "IOB",
    start: &[("OB", "I", Any), ("I", "I", Different), ("IB", "B", Same)],
    inside: &[("BI", "I", Same)],
    end: &[
        ("IB", "I", Different),
        ("IB", "O", Any),
        ("I", "B", Any),
        ("B", "B", Same),
    ],
};

const IOB2: Patterns = Patterns {
    prefixes: "IOB",
    start: &[(ALL, "B", Any)],
    inside: &[("BI", "I", Same)],
    end: &[("IB", "OB", Any), ("IB", "I", Different)],
};

const IOE1: Patterns = Patterns {
    prefixes: "IOE",
    start: &[("OE", "I", Any), ("I", "I", Different), ("E", "E", Same)],
    inside: &[("I", "IE", Same)],
    end: &[("I", "IE", Different), ("I", "O", Any), ("E", "IE", Same)],
};

const IOE2: Patterns = Patterns {
    prefixes: "IOE",
    start: &[("OE", "IE", Any), ("I", "IE", Different)],
    inside: &[("I", "IE", Same)],
    end: &[("E", ALL, Any)],
};

const IOBES: Patterns = Patterns {
    prefixes: "IOBES",
    start: &[(ALL, "BS", Any)],
    inside: &[("BI", "IE", Same)],
    end: &[("SE", ALL, Any)],
};

const BILOU: Patterns = Patterns {
    prefixes: "BILOU",
    start: &[(ALL, "BU", Any)],
    inside: &[("BI", "IL", Same)],
    end: &[("UL", ALL, Any)],
};

impl EntityScheme {
    /// All schemes.
    pub const ALL: [Self; 6] = [
        Self::Iob1,
        Self::Iob2,
        Self::Ioe1,
        Self::Ioe2,
        Self::Iobes,
        Self::Bilou,
    ];

    pub(super) fn patterns(self) -> Patterns {
        match self {
            Self::Iob1 => IOB1,
            Self::Iob2 => IOB2,
            Self::Ioe1 => IOE1,
            Self::Ioe2 => IOE2,
            Self::Iobes => IOBES,
            Self::Bilou => BILOU,
        }
    }
}

/// Tag without its separator: the prefix and the type, `_` without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) prefix: char,
    pub(super) label: &'a str,
}

impl Tag<'_> {
    pub(super) const OUTSIDE: Tag<'static> = Tag {
        prefix: 'O',
        label: "_",
    };
}

impl Patterns {
    /// Returns whether an entity begins with the second tag.
    pub(super) fn begins(&self, previous: Tag<'_>, tag: Tag<'_>) -> bool {
        any(self.start, previous, tag)
    }

    /// Returns whether the second tag continues the entity of the first.
    pub(super) fn continues(&self, previous: Tag<'_>, tag: Tag<'_>) -> bool {
        any(self.inside, previous, tag)
    }

    /// Returns whether the entity of the first tag is complete before the second.
    pub(super) fn ends(&self, previous: Tag<'_>, tag: Tag<'_>) -> bool {
        any(self.end, previous, tag)
    }
}

fn any(patterns: &[Pattern], previous: Tag<'_>, tag: Tag<'_>) -> bool {
    let same = previous.label == tag.label;
    patterns.iter().any(|(first, second, types)| {
        first.contains(previous.prefix)
            && second.contains(tag.prefix)
            && match types {
                Same => same,
                Different => !same,
                Any => true,
            }
    })
}

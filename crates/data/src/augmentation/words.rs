//! Built-in lists of words that augmentation exchanges.

/// First names of women that are no other words of English and no names of men.
pub(super) const FEMALE_NAMES: [&str; 30] = [
    "Alice",
    "Amanda",
    "Barbara",
    "Caroline",
    "Catherine",
    "Christine",
    "Deborah",
    "Diana",
    "Elizabeth",
    "Emily",
    "Emma",
    "Hannah",
    "Helen",
    "Jennifer",
    "Jessica",
    "Julia",
    "Karen",
    "Laura",
    "Linda",
    "Margaret",
    "Maria",
    "Mary",
    "Michelle",
    "Nancy",
    "Patricia",
    "Rachel",
    "Rebecca",
    "Sarah",
    "Sophia",
    "Susan",
];

/// First names of men that are no other words of English and no names of women.
pub(super) const MALE_NAMES: [&str; 30] = [
    "Adam",
    "Andrew",
    "Anthony",
    "Benjamin",
    "Brian",
    "Charles",
    "Christopher",
    "Daniel",
    "David",
    "Edward",
    "Eric",
    "George",
    "Henry",
    "James",
    "Jason",
    "John",
    "Joseph",
    "Joshua",
    "Kevin",
    "Matthew",
    "Michael",
    "Nicholas",
    "Patrick",
    "Paul",
    "Peter",
    "Richard",
    "Robert",
    "Stephen",
    "Thomas",
    "William",
];

/// Words for women and men that stand for each other whatever follows them.
const PERSONS: [(&str, &str); 13] = [
    ("she", "he"),
    ("herself", "himself"),
    ("woman", "man"),
    ("women", "men"),
    ("girl", "boy"),
    ("girls", "boys"),
    ("lady", "gentleman"),
    ("ladies", "gentlemen"),
    ("mother", "father"),
    ("daughter", "son"),
    ("sister", "brother"),
    ("wife", "husband"),
    ("actress", "actor"),
];

/// Words after "her" that show that it is not possessive, as in "saw her and" or "gave her the".
const NOT_OWNED: [&str; 42] = [
    "a", "about", "after", "again", "all", "an", "and", "are", "as", "at", "away", "back",
    "because", "before", "but", "by", "for", "from", "how", "if", "in", "into", "is", "it", "not",
    "of", "off", "on", "or", "over", "so", "that", "the", "through", "to", "up", "was", "what",
    "when", "while", "who", "with",
];

/// Returns the word for a person of the other gender, in lower case; `None` for other words.
/// `next` is the word right behind, in lower case, if only spaces are between.
pub(super) fn other_person(word: &str, next: Option<&str>) -> Option<&'static str> {
    let is_owner = next.is_some_and(|next| !NOT_OWNED.contains(&next));
    match word {
        "her" if is_owner => Some("his"),
        "her" => Some("him"),
        "hers" => Some("his"),
        "his" if is_owner => Some("her"),
        "his" => Some("hers"),
        "him" => Some("her"),
        _ => PERSONS.iter().find_map(|(woman, man)| match word {
            word if word == *woman => Some(*man),
            word if word == *man => Some(*woman),
            _ => None,
        }),
    }
}

//! Transitions that a conditional random field allows.

/// Which class may begin a sequence, follow another class, and end a sequence.
///
/// ```
/// use finetune_model::Transitions;
///
/// let names = ["B", "I", "O"];
/// // Only B and I are followed by I; `None` stands for the ends of a sequence.
/// let allowed = Transitions::new(3, |before, after| {
///     after != Some(1) || matches!(before, Some(0 | 1))
/// });
/// assert!(!allowed.first(1) && allowed.between(0, 1) && !allowed.between(2, 1));
/// assert!(allowed.last(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transitions {
    first: Vec<bool>,
    last: Vec<bool>,
    /// `[C, C]`, by the class before and the class after.
    between: Vec<Vec<bool>>,
}

impl Transitions {
    /// Creates the transitions of so many classes; `allows` gets the class before and the class
    /// after, `None` for the beginning and the end of a sequence.
    pub fn new(classes: usize, allows: impl Fn(Option<usize>, Option<usize>) -> bool) -> Self {
        let all = 0..classes;
        let after = |before: usize| {
            let allowed = all.clone().map(|after| allows(Some(before), Some(after)));
            allowed.collect()
        };
        Self {
            first: all.clone().map(|class| allows(None, Some(class))).collect(),
            last: all.clone().map(|class| allows(Some(class), None)).collect(),
            between: all.clone().map(after).collect(),
        }
    }

    /// Allows everything.
    pub fn all(classes: usize) -> Self {
        Self::new(classes, |_, _| true)
    }

    /// Returns the number of classes, `C`.
    pub fn num_classes(&self) -> usize {
        self.first.len()
    }

    /// Returns whether a sequence may begin with a class.
    pub fn first(&self, class: usize) -> bool {
        self.first[class]
    }

    /// Returns whether a sequence may end with a class.
    pub fn last(&self, class: usize) -> bool {
        self.last[class]
    }

    /// Returns whether a class may follow another.
    pub fn between(&self, before: usize, after: usize) -> bool {
        self.between[before][after]
    }

    /// Returns the penalties of the first, the last and the pairs of classes: 0, or `penalty` where
    /// forbidden.
    pub(super) fn penalties(&self, penalty: f64) -> [Vec<f64>; 3] {
        let of = |allowed: &[bool]| -> Vec<f64> {
            let penalties = allowed
                .iter()
                .map(|allowed| if *allowed { 0.0 } else { penalty });
            penalties.collect()
        };
        [of(&self.first), of(&self.last), of(&self.between.concat())]
    }
}

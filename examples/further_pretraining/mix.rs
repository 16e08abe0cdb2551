//! Mixes of datasets to pre-train on.

use std::convert::Infallible;
use std::str::FromStr;

/// Datasets that an encoder is pre-trained on together.
#[derive(Clone)]
pub(crate) enum Mix {
    None,
    One(String),
    AllExcept(String),
    All,
}

impl FromStr for Mix {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix("all_except_") {
            Some(name) => Self::AllExcept(name.to_string()),
            None if text == "none" => Self::None,
            None if text == "all" => Self::All,
            None => Self::One(text.to_string()),
        })
    }
}

impl Mix {
    pub(crate) fn label(&self) -> String {
        match self {
            Self::None => "none".to_string(),
            Self::One(name) => name.clone(),
            Self::AllExcept(name) => format!("all except {name}"),
            Self::All => "all".to_string(),
        }
    }

    /// Returns every mix of the named datasets.
    pub(crate) fn every(names: &[&str]) -> Vec<Self> {
        let named = |of: fn(String) -> Self| names.iter().map(move |name| of(name.to_string()));
        let mut mixes = vec![Self::None];
        mixes.extend(named(Self::One));
        if names.len() > 2 {
            mixes.extend(named(Self::AllExcept));
        }
        mixes.push(Self::All);
        mixes
    }

    /// Returns the datasets of the mix.
    pub(crate) fn corpora(&self, names: &[&str]) -> Result<Vec<String>, String> {
        if let Self::One(name) | Self::AllExcept(name) = self
            && !names.contains(&name.as_str())
        {
            let names = names.join(", ");
            return Err(format!(
                "--mixes: {name} is not among the datasets, {names}"
            ));
        }
        let is_used = |candidate: &&&str| match self {
            Self::None => false,
            Self::One(name) => **candidate == name,
            Self::AllExcept(name) => **candidate != name,
            Self::All => true,
        };
        let used = names.iter().filter(is_used);
        Ok(used.map(|name| name.to_string()).collect())
    }
}

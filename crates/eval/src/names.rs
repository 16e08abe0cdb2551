//! Names of parts of a program: by default those of their types, and the nearest to an unknown one.

/// Returns the name of a type without its path and type parameters: the default name of metrics,
/// losses and callbacks.
///
/// ```
/// use finetune_eval::short_type_name;
///
/// assert_eq!(short_type_name::<Vec<std::path::PathBuf>>(), "Vec");
/// ```
pub fn short_type_name<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// Joins the known names for a message about one that is unknown, those most like it first.
///
/// ```
/// use finetune_eval::nearest_first;
///
/// assert_eq!(nearest_first("acuracy", ["loss", "accuracy"]), "accuracy, loss");
/// ```
pub fn nearest_first<S: AsRef<str>>(unknown: &str, known: impl IntoIterator<Item = S>) -> String {
    let mut known: Vec<S> = known.into_iter().collect();
    let likeness = |name: &S| strsim::jaro_winkler(unknown, name.as_ref());
    known.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    let names: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    names.join(", ")
}

use finetune_baseline::{
    AnalyzerConfig, AnalyzerKind, CountVectorizer, CountVectorizerConfig, CsrMatrix,
    DocumentFrequency, FeatureConfig, HashingVectorizerConfig, StripAccents, TfidfVectorizerConfig,
};
use proptest::prelude::*;

use super::with_threads;

fn analyzers() -> impl Strategy<Value = AnalyzerConfig> {
    let kinds = prop::sample::select(vec![
        AnalyzerKind::Word,
        AnalyzerKind::Char,
        AnalyzerKind::CharWb,
    ]);
    let accents = [
        StripAccents::None,
        StripAccents::Ascii,
        StripAccents::Unicode,
    ];
    let accents = prop::sample::select(accents.to_vec());
    let ngram_range = (1usize..4, 0usize..3).prop_map(|(least, more)| (least, least + more));
    (kinds, accents, any::<bool>(), ngram_range).prop_map(
        |(analyzer, strip_accents, lowercase, ngram_range)| AnalyzerConfig {
            kind: analyzer,
            strip_accents,
            lowercase,
            ngram_range,
            ..AnalyzerConfig::default()
        },
    )
}

/// Texts of few words, so that terms meet, and of any characters.
fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("([ab]{1,2} ?|[éß漢🔥]|\\PC ?| {0,3}|\n){0,12}", 1..12)
}

/// More texts than a thread takes at a time.
fn many(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).cycle().take(700).collect()
}

fn sum(rows: &CsrMatrix) -> f64 {
    let values = (0..rows.len()).flat_map(|row| rows.row(row));
    values.map(|(_, value)| value).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_term_is_counted_once_where_it_is(text in analyzers(), texts in texts()) {
        let analyzer = finetune_baseline::Analyzer::new(&text).unwrap();
        let config = CountVectorizerConfig { analyzer: text, ..CountVectorizerConfig::default() };
        let Ok((vectorizer, rows)) = CountVectorizer::fit_transform(&config, &texts) else {
            prop_assert!(texts.iter().all(|text| analyzer.terms(text).is_empty()));
            return Ok(());
        };
        prop_assert!(vectorizer.feature_names().is_sorted_by(|a, b| a < b));
        prop_assert_eq!(vectorizer.transform(&texts), rows.clone());
        for (row, text) in texts.iter().enumerate() {
            let terms = analyzer.terms(text);
            for (column, count) in rows.row(row) {
                let term = &vectorizer.feature_names()[column as usize];
                prop_assert_eq!(vectorizer.column(term), Some(column));
                prop_assert_eq!(terms.iter().filter(|other| *other == term).count() as f64, count);
            }
        }
        let all: usize = texts.iter().map(|text| analyzer.terms(text).len()).sum();
        prop_assert_eq!(sum(&rows), all as f64);
    }

    #[test]
    fn terms_are_within_the_limits(
        texts in texts(),
        least in 1u64..4,
        share in 0.3f64..1.0,
        max_features in 1usize..6,
    ) {
        let config = CountVectorizerConfig {
            min_df: DocumentFrequency::Count(least),
            max_df: DocumentFrequency::Fraction(share),
            max_features: Some(max_features),
            ..CountVectorizerConfig::default()
        };
        if let Ok((vectorizer, rows)) = CountVectorizer::fit_transform(&config, &texts) {
            prop_assert!((1..=max_features).contains(&vectorizer.feature_names().len()));
            for column in 0..rows.columns() as u32 {
                let has = |row: &usize| rows.row(*row).any(|(other, _)| other == column);
                let with = (0..rows.len()).filter(has).count() as f64;
                prop_assert!(with >= least as f64 && with <= share * texts.len() as f64);
            }
        }
    }

    #[test]
    fn rows_have_length_one_whatever_the_features(text in analyzers(), texts in texts()) {
        let counts = CountVectorizerConfig { analyzer: text.clone(), ..Default::default() };
        let hashing = HashingVectorizerConfig { analyzer: text, n_features: 32, ..Default::default() };
        for config in [
            FeatureConfig::Tfidf(TfidfVectorizerConfig { counts, ..Default::default() }),
            FeatureConfig::Hashing(hashing),
        ] {
            let Ok((_, rows)) = config.fit_transform(&texts) else { continue };
            for row in 0..rows.len() {
                let squares: f64 = rows.row(row).map(|(_, value)| value * value).sum();
                prop_assert!(squares == 0.0 || (squares - 1.0).abs() < 1e-12, "{}", squares);
            }
        }
    }

    #[test]
    fn rows_do_not_depend_on_threads(text in analyzers(), texts in texts()) {
        let texts = many(&texts);
        let counts = CountVectorizerConfig { analyzer: text.clone(), ..Default::default() };
        let hashing = HashingVectorizerConfig { analyzer: text, ..Default::default() };
        for config in [
            FeatureConfig::Tfidf(TfidfVectorizerConfig { counts, ..Default::default() }),
            FeatureConfig::Hashing(hashing),
        ] {
            let one = with_threads(1, || config.fit_transform(&texts).ok().map(|done| done.1));
            let three = with_threads(3, || config.fit_transform(&texts).ok().map(|done| done.1));
            prop_assert_eq!(one, three);
        }
    }
}

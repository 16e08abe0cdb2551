//! `Display` implementations of the audits.

use std::fmt;

use super::{Audit, LengthStatistics, SplitAudit, SplitOverlap};

impl fmt::Display for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |[a, b, c, d, e, f, g]: [&dyn fmt::Display; 7]| {
            writeln!(
                formatter,
                "{a:<12} {b:>9} {c:>10} {d:>9} {e:>12} {f:>10} {g:>12}"
            )
        };
        row([
            &"split",
            &"rows",
            &"duplicates",
            &"surplus",
            &"conflicting",
            &"rows",
            &"wrong at",
        ])?;
        row([
            &"", &"", &"(texts)", &"rows", &"texts", &"of them", &"least",
        ])?;
        for split in &self.splits {
            let (duplicates, conflicts) = (&split.duplicates, &split.conflicts);
            row([
                &split.split.name(),
                &split.rows,
                &duplicates.texts,
                &duplicates.redundant_rows,
                &conflicts.texts,
                &conflicts.rows,
                &conflicts.min_label_errors,
            ])?;
        }
        for pair in &self.shared {
            writeln!(formatter, "{pair}")?;
        }
        for split in &self.splits {
            split.write_details(formatter)?;
        }
        Ok(())
    }
}

impl SplitAudit {
    fn write_details(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.classes.is_empty() {
            writeln!(formatter, "{}, classes:", self.split)?;
        }
        for class in &self.classes {
            let share = percent(class.rows as f64 / self.rows.max(1) as f64);
            writeln!(formatter, "  {:>9} {share}  {}", class.rows, class.class)?;
        }
        if self.empty_texts > 0 {
            writeln!(
                formatter,
                "{}, rows with an empty text: {}",
                self.split, self.empty_texts
            )?;
        }
        for (what, groups) in [
            ("equal texts", &self.duplicates.examples),
            ("equal texts, different labels", &self.conflicts.examples),
        ] {
            if !groups.is_empty() {
                let groups: Vec<String> = groups.iter().map(|rows| list(rows)).collect();
                writeln!(
                    formatter,
                    "{}, {what}, the first rows: {}",
                    self.split,
                    groups.join("; ")
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SplitOverlap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "in {} and {}: {} texts",
            self.first, self.second, self.texts
        )?;
        if self.texts == 0 {
            return Ok(());
        }
        write!(
            formatter,
            " ({} and {} rows), {} with different labels; rows",
            self.rows_of_first, self.rows_of_second, self.conflicting_texts
        )?;
        let pairs: Vec<String> = self
            .examples
            .iter()
            .map(|(one, other)| format!("{one}/{other}"))
            .collect();
        write!(formatter, " {}", pairs.join(", "))
    }
}

impl fmt::Display for LengthStatistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} rows, {} tokens; length {} to {}, mean {:.1}",
            self.rows,
            self.tokens,
            self.shortest,
            self.longest,
            self.mean()
        )?;
        if self.truncated_rows > 0 {
            writeln!(
                formatter,
                "{} rows were truncated before",
                self.truncated_rows
            )?;
        }
        for (share, length) in &self.quantiles {
            writeln!(formatter, "{} of rows up to {length:>6}", percent(*share))?;
        }
        let most = self.bins.iter().map(|bin| bin.rows).max();
        let most = most.unwrap_or(0).max(1);
        for bin in &self.bins {
            let bar = "#".repeat((bin.rows * 40).div_ceil(most));
            writeln!(
                formatter,
                "{:>6} to {:>6} {:>9} {bar}",
                bin.from, bin.to, bin.rows
            )?;
        }
        for cut in &self.truncated {
            writeln!(
                formatter,
                "maximum length {:>5}: {} of rows truncated, {} of tokens lost",
                cut.max_length,
                percent(cut.share),
                percent(cut.tokens_lost)
            )?;
        }
        Ok(())
    }
}

fn percent(share: f64) -> String {
    format!("{:>6.2} %", 100.0 * share)
}

fn list(rows: &[usize]) -> String {
    let rows: Vec<String> = rows.iter().map(usize::to_string).collect();
    rows.join(", ")
}

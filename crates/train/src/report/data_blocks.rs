//! Data of a run on its page: splits, lengths, classes and equal texts.

use finetune_data::{LengthStatistics, Split, SplitOverlap};
use finetune_eval::plots::{Histogram, HistogramBin};
use finetune_eval::report::{Block, Cell, Column, Section, Table};

use super::data_statistics::{DataStatistics, SplitStatistics};
use super::{DataSection, RunReport, SplitSection, figure};

/// A split with the name of its task, empty for a run on one task.
type NamedSplit<'a> = (
    &'a str,
    Split,
    &'a SplitSection,
    Option<&'a SplitStatistics>,
);

impl RunReport {
    /// Returns what makes the scores doubtful, a sentence each.
    pub(super) fn data_warnings(&self) -> Vec<String> {
        let warnings = self.all_data().flat_map(|(task, data)| {
            let warnings = data.statistics.iter().flat_map(DataStatistics::warnings);
            warnings.map(move |warning| match task {
                "" => warning,
                task => format!("{task}: {warning}"),
            })
        });
        warnings.collect()
    }

    /// Returns the sections of the data: one for all splits and, for several tasks, one for each.
    pub(super) fn data_sections(&self) -> Vec<Section> {
        let warnings = self.data_warnings().into_iter();
        let all = warnings.fold(Section::new("Data"), Section::with_note);
        let all = all.with(splits_table(self.all_data().flat_map(named_splits)));
        match &self.data {
            Some(data) => vec![of_one(all, data)],
            None => {
                let tasks = self.all_data();
                let of_tasks =
                    tasks.map(|(task, data)| of_one(Section::new(format!("Data of {task}")), data));
                let of_tasks = of_tasks.filter(|section| !section.blocks.is_empty());
                std::iter::once(all).chain(of_tasks).collect()
            }
        }
    }

    /// Returns the data of each task with its name, empty for a run on one task.
    fn all_data(&self) -> impl Iterator<Item = (&str, &DataSection)> {
        let tasks = self.tasks.iter();
        let tasks = tasks.filter_map(|task| Some((&task.name[..], task.data.as_ref()?)));
        self.data.iter().map(|data| ("", data)).chain(tasks)
    }
}

fn named_splits<'a>(
    (task, data): (&'a str, &'a DataSection),
) -> impl Iterator<Item = NamedSplit<'a>> {
    data.splits().map(move |(split, section)| {
        let statistics = data.statistics.as_ref();
        let statistics = statistics.and_then(|statistics| statistics.split(split));
        (task, split, section, statistics)
    })
}

fn splits_table<'a>(splits: impl Iterator<Item = NamedSplit<'a>>) -> Table {
    let columns = [
        Column::text("Split"),
        Column::text("Data set"),
        Column::count("Rows"),
        Column::count("Median"),
        Column::count("95 %"),
        Column::count("Longest"),
        Column::count("Truncated"),
        Column::text("Fingerprint"),
    ];
    let rows = splits.map(|(task, split, section, statistics)| {
        let lengths = statistics.map(|statistics| &statistics.lengths);
        let quantile = |share: f64| Cell::from(lengths.and_then(|of| of.quantile(share)));
        let split = match task {
            "" => split.to_string(),
            task => format!("{task}, {split}"),
        };
        [
            split.into(),
            section.name.as_str().into(),
            section.rows.into(),
            quantile(0.5),
            quantile(0.95),
            lengths.map(|lengths| lengths.longest).into(),
            section.truncated.into(),
            // Shortened; `report.json` has the whole fingerprint.
            section.fingerprint.get(..16).unwrap_or_default().into(),
        ]
    });
    Table::of(
        "Rows and the lengths of their texts in tokens: the median, the length that 95 % of them do not \
         exceed, and the longest. Texts of which not all tokens are used are truncated.",
        columns,
        rows,
    )
}

/// Adds lengths, classes and equal texts of one task to a section.
fn of_one(section: Section, data: &DataSection) -> Section {
    let Some(statistics) = &data.statistics else {
        return section;
    };
    let train = statistics.split(Split::Train);
    let lengths = train.and_then(|train| lengths_figure(&train.lengths, data.train.rows));
    let blocks = [lengths, classes_table(statistics), equal_texts(statistics)];
    blocks.into_iter().flatten().fold(section, Section::with)
}

/// Returns the histogram of the lengths; `None` if all are equal. A row may have several texts, as
/// those of embedding models do.
fn lengths_figure(lengths: &LengthStatistics, rows: usize) -> Option<Block> {
    if lengths.shortest == lengths.longest {
        return None;
    }
    let counted = match lengths.rows == rows {
        true => "rows",
        false => "texts",
    };
    // A bin of whole lengths is as wide as their number.
    let bins = lengths.bins.iter().map(|bin| HistogramBin {
        lower: bin.from as f64 - 0.5,
        upper: bin.to as f64 + 0.5,
        rows: bin.rows as u64,
    });
    let plot = Histogram {
        title: format!("Lengths of the training {counted}"),
        x_label: "tokens".to_string(),
        y_label: counted.to_string(),
        bins: bins.collect(),
        ..Histogram::default()
    };
    let (shortest, longest) = (lengths.shortest, lengths.longest);
    let alt = format!("Bars of the number of {counted} by tokens, from {shortest} to {longest}.");
    let caption = format!("Training {counted} by their length in tokens.");
    Some(figure(&plot, alt, caption))
}

/// Returns the number of rows, or of words, of each class in each split; `None` without classes.
fn classes_table(statistics: &DataStatistics) -> Option<Block> {
    let splits: Vec<_> = statistics.splits.iter().collect();
    let texts: Vec<_> = splits.iter().filter_map(|of| of.texts.as_ref()).collect();
    let names = &texts.first()?.classes;
    if names.is_empty() {
        return None;
    }
    let columns = texts.iter().map(|split| Column::count(split.split.name()));
    let columns: Vec<_> = std::iter::once(Column::text("Class"))
        .chain(columns)
        .collect();
    let one_each = texts.iter().all(|split| {
        let classes: usize = split.classes.iter().map(|class| class.rows).sum();
        classes + split.rows_without_class == split.rows
    });
    let caption = match one_each {
        true => "Rows of each class by split.",
        false => "Rows of each class by split, or words; a row may have several classes.",
    };
    let mut table = Table::new(caption, columns);
    for (position, class) in names.iter().enumerate() {
        let counts = texts.iter().map(|split| split.classes.get(position));
        let counts = counts.map(|count| Cell::from(count.map(|count| count.rows)));
        let row = std::iter::once(Cell::from(class.class.as_str())).chain(counts);
        // A row has a cell for each column.
        table.push(row).ok()?;
    }
    Some(table.into())
}

/// Returns the texts that occur more than once; `None` if it is not known.
fn equal_texts(statistics: &DataStatistics) -> Option<Block> {
    let splits = statistics.splits.iter();
    let splits = splits.filter_map(|of| of.texts.as_ref());
    let within = splits.map(|split| {
        let (duplicates, conflicts) = (&split.duplicates, &split.conflicts);
        let place = format!("within {}", split.split);
        (
            place,
            duplicates.texts,
            duplicates.redundant_rows,
            conflicts.texts,
        )
    });
    let shared = statistics.shared.iter().map(|shared: &SplitOverlap| {
        let place = format!("{} and {}", shared.first, shared.second);
        (
            place,
            shared.texts,
            shared.rows_of_second,
            shared.conflicting_texts,
        )
    });
    let found: Vec<_> = within.chain(shared).collect();
    if found.is_empty() {
        return None;
    }
    if found.iter().all(|(_, texts, _, _)| *texts == 0) {
        let text = "All texts differ, within the splits and between them.".to_string();
        return Some(Block::Note { text });
    }
    let columns = [
        Column::text("Equal texts"),
        Column::count("Texts"),
        Column::count("Rows that repeat one"),
        Column::count("Texts with several labels"),
    ];
    let rows = found.into_iter();
    let rows = rows.map(|(place, texts, rows, conflicts)| {
        [place.into(), texts.into(), rows.into(), conflicts.into()]
    });
    let caption = "Texts that occur more than once, compared after preprocessing; between two \
                   splits, the rows of the second that repeat a text of the first.";
    Some(Table::of(caption, columns, rows).into())
}

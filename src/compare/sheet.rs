//! A CSV text whose columns are read by name, so that files of other versions can be compared.

/// A header and rows as they are written: equal texts are equal values, for numbers are written in
/// the shortest form that reads back as the same bits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The fields of every row, as many as the header has.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// The sheet of a CSV text; what is wrong with it otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let fields = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = reader.headers().map(fields).map_err(|error| error.to_string())?;
        let rows = reader.records().map(|record| record.map(|record| fields(&record)));
        let rows = rows.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(Self { header, rows })
    }

    /// The CSV text.
    pub fn text(&self) -> String {
        const MEMORY: &str = "rows of one length are always written to memory";
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header).expect(MEMORY);
        for row in &self.rows {
            writer.write_record(row).expect(MEMORY);
        }
        String::from_utf8(writer.into_inner().expect(MEMORY)).expect("every field was text")
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|known| known == name)
    }

    /// A field of a row, empty where there is no such column.
    pub fn field<'a>(&'a self, row: &'a [String], name: &str) -> &'a str {
        self.column(name).and_then(|at| row.get(at)).map_or("", String::as_str)
    }
}

/// A number as every sheet writes it: the shortest text that reads back as the same bits, nothing for
/// what is missing.
pub fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

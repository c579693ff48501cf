//! The chart: a message to its one handler, and the reply.

use std::{error::Error, path::Path};

use linkbus_peers::results::{Comparison, Interval, Run};
use plotters::{coord::Shift, prelude::*, style::TextStyle};

use crate::{cells::two_digits, rows::rows};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error + Send + Sync>>;

const WIDTH: i32 = 860;
const TOP: i32 = 62;
const LEFT: i32 = 270;
/// Of the longest bar.
const LENGTH: i32 = 500;
/// From bar to bar, and the height of one.
const STEP: i32 = 24;
const BAR: i32 = 16;

const LINKBUS: RGBColor = RGBColor(31, 119, 180);
const OTHER: RGBColor = RGBColor(170, 170, 170);
const GRID: RGBColor = RGBColor(225, 225, 225);

struct Bar {
    name: String,
    nanoseconds: Interval,
    color: RGBColor,
}

pub(crate) fn draw(comparison: &Comparison, path: &Path) -> Drawn {
    let bars = bars(comparison);
    let scale = Scale::of(&bars);
    let bottom = TOP + i32::try_from(bars.len())? * STEP;
    let size = (u32::try_from(WIDTH)?, u32::try_from(bottom + 30)?);
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    let title = "A message to its one handler, and the reply: nanoseconds, on a logarithmic scale";
    area.draw(&Text::new(title, (12, 14), font(16)))?;
    scale.draw(&area, bottom)?;
    for (top, bar) in (TOP..).step_by(usize::try_from(STEP)?).zip(&bars) {
        bar.draw(&area, &scale, top)?;
    }
    let Run { machine, date, commit, .. } = &comparison.plain.run;
    area.draw(&Text::new(format!("{date}; commit {commit}; {machine}"), (12, bottom + 12), font(11)))?;
    Ok(area.present()?)
}

/// The shortest first.
fn bars(comparison: &Comparison) -> Vec<Bar> {
    let rows = rows(comparison);
    let ways = rows.iter().flat_map(|row| row.ways());
    let mut bars: Vec<Bar> = ways
        .filter_map(|way| {
            let nanoseconds = way.figure().done()?.nanoseconds?;
            Some(Bar { nanoseconds, color: if way.row.is_linkbus { LINKBUS } else { OTHER }, name: way.name })
        })
        .collect();
    bars.sort_by(|left, right| left.nanoseconds.median.total_cmp(&right.nanoseconds.median));
    bars
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

impl Bar {
    /// To its median, with a line from the least to the most that the median may be.
    fn draw(&self, area: &Area, scale: &Scale, top: i32) -> Drawn {
        let [low, end, high] =
            [self.nanoseconds.low, self.nanoseconds.median, self.nanoseconds.high].map(|time| scale.place(time));
        area.draw(&Rectangle::new([(LEFT, top), (end, top + BAR)], self.color.filled()))?;
        area.draw(&PathElement::new([(low, top + BAR / 2), (high, top + BAR / 2)], BLACK))?;
        area.draw(&Text::new(self.name.clone(), (12, top + 2), font(13)))?;
        area.draw(&Text::new(two_digits(self.nanoseconds.median), (high.max(end) + 6, top + 2), font(13)))?;
        Ok(())
    }
}

/// Equal steps for equal factors, from a power of ten on.
struct Scale {
    /// Powers of ten.
    least: f64,
    most: f64,
}

impl Scale {
    fn of(bars: &[Bar]) -> Self {
        let power = |bar: Option<&Bar>| bar.map_or(0.0, |bar| bar.nanoseconds.median.log10());
        let least = power(bars.first()).floor();
        Self { least, most: power(bars.last()).max(least + 1.0) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "it is some hundred points")]
    fn place(&self, nanoseconds: f64) -> i32 {
        let part = (nanoseconds.log10() - self.least) / (self.most - self.least);
        LEFT + (f64::from(LENGTH) * part.max(0.0)) as i32
    }

    /// A line for each power of ten.
    fn draw(&self, area: &Area, bottom: i32) -> Drawn {
        let powers = std::iter::successors(Some(self.least), |power| Some(power + 1.0));
        for power in powers.take_while(|power| *power <= self.most) {
            let nanoseconds = 10f64.powf(power);
            let place = self.place(nanoseconds);
            area.draw(&PathElement::new([(place, TOP - 6), (place, bottom)], GRID))?;
            area.draw(&Text::new(format!("{nanoseconds}"), (place - 4, TOP - 20), font(11)))?;
        }
        Ok(())
    }
}

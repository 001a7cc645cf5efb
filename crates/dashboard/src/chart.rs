//! Charts, drawn by `charts-rs` as SVG and coloured by the style sheet.
//!
//! `charts-rs` writes colours as presentation attributes, which any rule of a style sheet
//! overrides. The drawing has the colours of the light theme, and `style.css` replaces them by
//! attribute (`[stroke="#0B6E6A"]`) in the dark theme. `charts-rs` writes no `style` attribute and
//! no script, and escapes its labels.

use charts_rs::{Box as Edges, Color, FunnelChart, LineChart, Symbol};
use insight::{Funnel, Series};
use maud::{Markup, PreEscaped, html};

/// The colour of data, which `style.css` refers to.
const ACCENT: &str = "#0B6E6A";
/// The colour of axis labels, which `style.css` refers to.
const MUTED: &str = "#6B6760";
/// The colour of axes and grids, which `style.css` refers to.
const RULE: &str = "#E3DFD7";

/// The width at which a chart is drawn; the page scales it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// For wide screens: 640 pixels.
    Wide,
    /// For phones: 320 pixels.
    Narrow,
}

impl Width {
    const fn pixels(self) -> f32 {
        match self {
            Self::Wide => 640.0,
            Self::Narrow => 320.0,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }
}

/// Draws one measure over time as an area, with the labels of its buckets if `labelled`.
pub(crate) fn line(
    series: &Series,
    measure: impl Fn(&insight::Counts) -> i64,
    labels: &[String],
    labelled: bool,
    width: Width,
) -> Markup {
    let values: Vec<f32> = series.points().iter().map(|point| pixels(measure(&point.counts))).collect();
    let highest = values.iter().copied().fold(0.0, f32::max);
    let mut chart = LineChart::new(vec![("", values).into()], labels.to_vec());
    chart.width = width.pixels();
    chart.height = if labelled { 104.0 } else { 80.0 };
    chart.margin = Edges { left: 0.0, top: 8.0, right: 2.0, bottom: 0.0 };
    chart.background_color = Color::transparent();
    chart.legend.show = Some(false);
    chart.grid.stroke_color = RULE.into();
    chart.grid.left = Some(44.0);
    chart.series.colors = vec![ACCENT.into()];
    chart.series.stroke_width = 1.8;
    chart.series.fill = true;
    chart.series.fill_opacity = Some(0.12);
    chart.series.symbol = Some(Symbol::None);
    chart.x_axis.boundary_gap = Some(false);
    chart.x_axis.stroke_color = RULE.into();
    chart.x_axis.font.color = MUTED.into();
    chart.x_axis.font.size = 11.0;
    chart.x_axis.height = 24.0;
    chart.x_axis.hidden = !labelled;
    for axis in &mut chart.y_axis_configs {
        axis.font.color = MUTED.into();
        axis.font.size = 11.0;
        axis.split_number = 2;
        axis.min = Some(0.0);
        axis.max = Some(nice(highest));
        axis.width = Some(44.0);
    }
    drawn(chart.svg().as_deref().ok(), width.class(), false)
}

/// Draws the funnel as one shape, each stage as wide as its share of the first. The page has the
/// labels.
pub(crate) fn funnel(funnel: &Funnel) -> Markup {
    let mut narrowest = f32::MAX;
    let values = funnel.stages.iter().map(|stage| {
        // More conversions than clicks would widen the funnel; the numbers beside it are exact.
        narrowest = narrowest.min(pixels(stage.count));
        ("", vec![narrowest]).into()
    });
    let mut chart = FunnelChart::new(values.collect());
    let first = funnel.stages.first().map_or(0.0, |stage| pixels(stage.count));
    chart.width = 240.0;
    chart.height = 48.0 * small(funnel.stages.len());
    chart.margin = Edges { left: 0.0, top: 0.0, right: 0.0, bottom: 0.0 };
    chart.background_color = Color::transparent();
    chart.legend.show = Some(false);
    chart.series.colors = vec![ACCENT.into()];
    chart.funnel_gap = 3.0;
    chart.min_width = if first > 0.0 { (narrowest / first * 240.0).max(2.0) } else { 2.0 };
    drawn(chart.svg().as_deref().ok(), "shape", true)
}

/// Replaces the opening tag of the drawing by one that scales with the page and is hidden from
/// screen readers, which have the table. `stretch` lets the aspect ratio differ from the drawing's.
fn drawn(svg: Option<&str>, class: &str, stretch: bool) -> Markup {
    let Some((view, body)) = svg.and_then(split) else {
        tracing::error!("a chart could not be drawn");
        return html! {};
    };
    let aspect = stretch.then_some("none");
    html! {
        svg class=(class) viewBox=(view) preserveAspectRatio=[aspect] aria-hidden="true" focusable="false" {
            (PreEscaped(body))
        }
    }
}

/// Returns the view box of an SVG document and its content.
fn split(svg: &str) -> Option<(&str, &str)> {
    let (open, rest) = svg.split_once('>')?;
    let (_, view) = open.split_once("viewBox=\"")?;
    let (view, _) = view.split_once('"')?;
    Some((view, rest.strip_suffix("</svg>")?))
}

/// Returns the end of an axis that includes `highest`: 2, 4, 6 or 10 times a power of ten, so that
/// half of it is a whole number.
fn nice(highest: f32) -> f32 {
    let mut power = 1.0_f32;
    while power < 1.0e30 {
        for step in [2.0, 4.0, 6.0, 10.0] {
            if highest <= step * power {
                return step * power;
            }
        }
        power *= 10.0;
    }
    highest
}

#[allow(clippy::cast_precision_loss, reason = "a picture has fewer pixels than that")]
fn pixels(count: i64) -> f32 {
    count.max(0) as f32
}

#[allow(clippy::cast_precision_loss, reason = "at most five stages")]
fn small(count: usize) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests {
    use insight::Counts;

    use super::*;

    #[test]
    fn a_label_cannot_leave_the_picture() {
        let mut series = Series::hours(0, 2 * 3_600_000);
        series.add(0, &Counts { sent: 3, ..Counts::default() });
        let labels = ["</text><script>alert(1)</script>".to_owned(), "\"'&".to_owned()];
        let svg = line(&series, |counts| counts.sent, &labels, true, Width::Wide).0;
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("&lt;script"), "{svg}");
    }

    #[test]
    fn nothing_in_a_picture_needs_an_inline_style() {
        let mut series = Series::hours(0, 30 * 3_600_000);
        series.add(0, &Counts { sent: i64::MAX, ..Counts::default() });
        let labels: Vec<String> = (0..30).map(|hour| format!("{hour}:00")).collect();
        let counts = Counts { sent: 9, opened: 4, converted: 7, ..Counts::default() };
        for svg in [
            line(&series, |counts| counts.sent, &labels, true, Width::Narrow).0,
            funnel(&Funnel::of(&counts)).0,
            funnel(&Funnel::of(&Counts::default())).0,
        ] {
            assert!(svg.starts_with("<svg class="), "{svg}");
            assert!(!svg.contains("style") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn axes_end_on_round_numbers() {
        let ends: Vec<f32> = [0.0, 1.0, 3.0, 5.0, 11.0, 12_041.0].map(nice).into();
        assert_eq!(ends, [2.0, 2.0, 4.0, 6.0, 20.0, 20_000.0]);
    }
}

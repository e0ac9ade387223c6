package io.satchel.app.snapshots;

import io.satchel.app.common.Sizes;
import io.satchel.app.snapshots.TimelineModel.Node;
import io.satchel.resources.Texts;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.format.FormatStyle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.control.ToggleButton;
import javafx.scene.control.ToggleGroup;
import javafx.scene.image.Image;
import javafx.scene.image.ImageView;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.Pane;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.scene.shape.LineTo;
import javafx.scene.shape.MoveTo;
import javafx.scene.shape.Path;
import org.jspecify.annotations.Nullable;

/** The tree of snapshots, drawn from left to right with a lane for each branch. */
final class TimelineView extends Pane {

  private static final double CARD = 176;
  private static final double PICTURE_WIDTH = 156;
  private static final double PICTURE_HEIGHT = 104;
  private static final double GAP = 34;
  private static final double LANE_GAP = 18;
  private static final double EDGE = 14;

  private record Placed(ToggleButton card, int column, int lane) {}

  private final Texts texts;
  private final Consumer<@Nullable Node> chosen;
  private final ToggleGroup group = new ToggleGroup();
  private final Map<String, Placed> cards = new HashMap<>();
  private final List<Path> edges = new ArrayList<>();
  private final Map<String, ImageView> pictures = new HashMap<>();
  private TimelineModel model;
  private @Nullable Placed present;

  /**
   * @param chosen hears which snapshot was chosen; null for the present
   */
  TimelineView(Texts texts, Consumer<@Nullable Node> chosen) {
    this.texts = texts;
    this.chosen = chosen;
    model = new TimelineModel(List.of(), 1, null, null);
    setId("timeline");
    setAccessibleText(texts.get("timeline.title.plain"));
  }

  /** Draws another tree; the present is chosen. */
  void show(TimelineModel tree) {
    model = tree;
    getChildren().clear();
    cards.clear();
    edges.clear();
    pictures.clear();
    group.getToggles().clear();
    for (Node node : tree.nodes()) {
      String name = node.snapshot().name();
      ToggleButton card = card(node);
      card.setOnAction(_ -> choose(node));
      cards.put(name, new Placed(card, node.column(), node.lane()));
      Path edge = new Path();
      edge.getStyleClass().add("timeline-edge");
      edges.add(edge);
    }
    Path last = new Path();
    last.getStyleClass().add("timeline-edge");
    edges.add(last);
    ToggleButton now = presentCard();
    present = new Placed(now, tree.nodes().size(), 0);
    getChildren().addAll(edges);
    tree.nodes().forEach(node -> getChildren().add(cards.get(node.snapshot().name()).card));
    getChildren().add(now);
    now.setSelected(true);
    chosen.accept(null);
    requestLayout();
  }

  private void choose(Node node) {
    cards.get(node.snapshot().name()).card.setSelected(true);
    chosen.accept(node);
  }

  /** Chooses a snapshot by its name. */
  void choose(String name) {
    model.node(name).ifPresent(this::choose);
  }

  /** Shows a snapshot's screen; of the present when the name is null. */
  void picture(@Nullable String name, Image picture) {
    ImageView view = pictures.get(name == null ? "" : name);
    if (view != null) {
      view.setImage(picture);
    }
  }

  private ToggleButton card(Node node) {
    String size =
        node.diskOnly() ? texts.get("timeline.diskOnly") : Sizes.of(node.snapshot().stateBytes());
    String kind = node.automatic() ? texts.get("timeline.automatic") + "  " : "";
    return card(
        node.snapshot().name(),
        node.shown(node.automatic() ? texts.get("timeline.automatic.title") : ""),
        moment(texts, node.snapshot().time()),
        kind + size,
        node.diskOnly() ? "timeline.picture.disk" : "timeline.picture.none",
        "timeline-card");
  }

  private ToggleButton presentCard() {
    ToggleButton card =
        card(
            "",
            texts.get("timeline.now"),
            texts.get(model.resume() == null ? "timeline.now.text" : "timeline.now.saved"),
            "",
            "timeline.picture.none",
            "timeline-now");
    card.setId("now");
    card.setOnAction(
        _ -> {
          card.setSelected(true);
          chosen.accept(null);
        });
    return card;
  }

  private ToggleButton card(
      String key, String title, String when, String size, String noPicture, String style) {
    ImageView view = new ImageView();
    view.setFitWidth(PICTURE_WIDTH);
    view.setFitHeight(PICTURE_HEIGHT);
    view.setPreserveRatio(true);
    view.setSmooth(true);
    pictures.put(key, view);
    Label none = new Label(texts.get(noPicture));
    none.getStyleClass().add("card-screen-text");
    none.setWrapText(true);
    none.setPadding(new Insets(6));
    none.visibleProperty().bind(view.imageProperty().isNull());
    StackPane frame = new StackPane(none, view);
    frame.getStyleClass().add("card-screen");
    frame.setMinSize(PICTURE_WIDTH, PICTURE_HEIGHT);
    frame.setMaxSize(PICTURE_WIDTH, PICTURE_HEIGHT);
    VBox content = new VBox(4, frame, line(title, "timeline-name"), line(when, "quiet"));
    if (!size.isEmpty()) {
      content.getChildren().add(line(size, "quiet"));
    }
    content.setAlignment(Pos.TOP_LEFT);
    ToggleButton card = new ToggleButton();
    card.setGraphic(content);
    card.setToggleGroup(group);
    card.setAlignment(Pos.TOP_LEFT);
    card.getStyleClass().add(style);
    card.setPrefWidth(CARD);
    card.setAccessibleText(title + ", " + when + (size.isEmpty() ? "" : ", " + size));
    card.addEventHandler(KeyEvent.KEY_PRESSED, event -> arrows(card, event));
    return card;
  }

  private static Label line(String text, String style) {
    Label label = new Label(text);
    label.setWrapText(true);
    label.setPrefWidth(PICTURE_WIDTH);
    label.setMaxWidth(PICTURE_WIDTH);
    label.setMinHeight(Region.USE_PREF_SIZE);
    label.getStyleClass().add(style);
    return label;
  }

  /** Left and right go through time; the present is the last. */
  private void arrows(ToggleButton card, KeyEvent event) {
    int step = event.getCode() == KeyCode.LEFT ? -1 : event.getCode() == KeyCode.RIGHT ? 1 : 0;
    if (step == 0) {
      return;
    }
    event.consume();
    int at = group.getToggles().indexOf(card) + step;
    if (at >= 0
        && at < group.getToggles().size()
        && group.getToggles().get(at) instanceof ToggleButton next) {
      next.requestFocus();
      next.fire();
    }
  }

  /** A moment as the reader writes it. */
  static String moment(Texts texts, Instant time) {
    return time.atZone(ZoneId.systemDefault())
        .format(
            DateTimeFormatter.ofLocalizedDateTime(FormatStyle.MEDIUM, FormatStyle.SHORT)
                .withLocale(texts.chinese() ? Locale.SIMPLIFIED_CHINESE : Locale.ENGLISH));
  }

  /** Where the middle of a snapshot's card is; of the present's when the name is null. */
  double middle(@Nullable String name) {
    Placed placed = name == null ? present : cards.get(name);
    return placed == null ? 0 : left(placed.column) + CARD / 2;
  }

  // --- Places ---

  private double[] laneTops() {
    double[] heights = new double[model.lanes()];
    for (Placed each : cards.values()) {
      heights[each.lane] = Math.max(heights[each.lane], each.card.prefHeight(CARD));
    }
    if (present != null) {
      heights[0] = Math.max(heights[0], present.card.prefHeight(CARD));
    }
    double[] tops = new double[heights.length + 1];
    tops[0] = EDGE;
    for (int lane = 0; lane < heights.length; lane++) {
      tops[lane + 1] = tops[lane] + heights[lane] + LANE_GAP;
    }
    return tops;
  }

  private static double left(int column) {
    return EDGE + column * (CARD + GAP);
  }

  @Override
  protected double computePrefWidth(double height) {
    return left(model.nodes().size()) + CARD + EDGE;
  }

  @Override
  protected double computePrefHeight(double width) {
    double[] tops = laneTops();
    // Room for the scroll bar below.
    return tops[tops.length - 1] + EDGE;
  }

  @Override
  protected void layoutChildren() {
    double[] tops = laneTops();
    for (Placed each : cards.values()) {
      place(each, tops);
    }
    if (present == null) {
      return;
    }
    place(present, tops);
    for (Node node : model.nodes()) {
      draw(edges.get(node.column()), node.parent(), cards.get(node.snapshot().name()), tops);
    }
    draw(edges.getLast(), model.now(), present, tops);
  }

  private static void place(Placed each, double[] tops) {
    each.card.resizeRelocate(left(each.column), tops[each.lane], CARD, each.card.prefHeight(CARD));
  }

  /** From the right side of the one to the left side of the other, with two corners. */
  private void draw(Path edge, @Nullable String parent, Placed to, double[] tops) {
    edge.getElements().clear();
    Placed from = parent == null ? null : cards.get(parent);
    if (from == null) {
      return;
    }
    double startX = left(from.column) + CARD;
    double startY = tops[from.lane] + PICTURE_HEIGHT / 2;
    double endX = left(to.column);
    double endY = tops[to.lane] + PICTURE_HEIGHT / 2;
    // Branches leave on their own height, below the cards of the lanes between.
    double bend = from.lane <= to.lane ? startX + GAP / 2 : endX - GAP / 2;
    edge.getElements()
        .addAll(
            new MoveTo(startX, startY),
            new LineTo(bend, startY),
            new LineTo(bend, endY),
            new LineTo(endX, endY));
  }
}

package io.satchel.app.machine;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.resources.Texts;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.Meter;
import io.satchel.vm.api.Meter.Exit;
import io.satchel.vm.api.Meter.Reading;
import io.satchel.vm.api.Meter.Use;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import javafx.geometry.HPos;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.ProgressBar;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;

/**
 * Beside the picture: why the machine is as fast as it is, in one sentence and in figures, and what
 * it is held to. It measures from when it is shown until it is closed.
 */
final class MeterPanel extends ScrollPane implements AutoCloseable {

  private static final double WIDTH = 330;
  private static final double BAR = 90;

  private final Texts texts;
  private final Machine machine;
  private final Meter meter;
  private final Label sentence = Controls.paragraph("");
  private final Map<Use, ProgressBar> bars = new EnumMap<>(Use.class);
  private final Map<Use, Label> shares = new EnumMap<>(Use.class);
  private final GridPane figures = grid();
  private final GridPane exits = grid();

  MeterPanel(Texts texts, Machine machine, Runnable close) {
    this.texts = texts;
    this.machine = machine;
    meter = machine.meter();
    setId("meter");
    Controls controls = new Controls(texts);
    sentence.setId("meter-sentence");
    Button done = controls.button("meter-close", "meter.close", close);
    Label title = section("meter.title");
    HBox.setHgrow(title, Priority.ALWAYS);
    title.setMaxWidth(Double.MAX_VALUE);
    HBox head = new HBox(8, title, done);
    head.setAlignment(Pos.CENTER_LEFT);
    GridPane uses = grid();
    for (Use use : Use.values()) {
      ProgressBar bar = new ProgressBar(0);
      bar.setPrefWidth(BAR);
      bar.setMinWidth(BAR);
      bar.setAccessibleText(MeterWords.name(texts, use));
      Label share = new Label();
      share.setMinWidth(Region.USE_PREF_SIZE);
      bars.put(use, bar);
      shares.put(use, share);
      uses.addRow(uses.getRowCount(), name(MeterWords.name(texts, use)), share, bar);
    }
    ComboBox<Speed> speed =
        Choices.of("held", List.of(Speed.values()), each -> texts.get("speed." + each.name()));
    speed.setValue(machine.speed());
    speed.valueProperty().addListener((_, _, chosen) -> machine.hold(chosen));
    VBox content =
        new VBox(
            12,
            head,
            sentence,
            controls.field("settings.speed", speed),
            controls.help("meter.held.about"),
            section("meter.time"),
            uses,
            section("meter.translator"),
            figures,
            section("meter.exits"),
            exits);
    content.setPadding(new Insets(12));
    setContent(content);
    setFitToWidth(true);
    setPrefWidth(WIDTH);
    setMinWidth(WIDTH);
    setFocusTraversable(false);
    getStyleClass().add("page-scroll");
    refresh();
  }

  private Label section(String key) {
    Label label = new Label(texts.get(key));
    label.getStyleClass().add("section-title");
    label.setWrapText(true);
    label.setMinHeight(Region.USE_PREF_SIZE);
    return label;
  }

  private static Label name(String text) {
    Label label = new Label(text);
    label.getStyleClass().add("figure-name");
    label.setWrapText(true);
    label.setMinHeight(Region.USE_PREF_SIZE);
    return label;
  }

  private static GridPane grid() {
    GridPane grid = new GridPane(10, 4);
    ColumnConstraints names = new ColumnConstraints();
    names.setHgrow(Priority.ALWAYS);
    ColumnConstraints values = new ColumnConstraints();
    values.setHalignment(HPos.RIGHT);
    values.setMinWidth(Region.USE_PREF_SIZE);
    grid.getColumnConstraints().addAll(names, values);
    return grid;
  }

  /** Shows what has been since the last call. */
  void refresh() {
    Reading reading = meter.read();
    sentence.setText(MeterWords.sentence(texts, reading, machine.speed(), machine.state()));
    for (Use use : Use.values()) {
      String share = MeterWords.percent(reading.share(use));
      bars.get(use).setProgress(Math.clamp(reading.share(use), 0, 1));
      shares.get(use).setText(share);
    }
    figures.getChildren().clear();
    MeterWords.figures(texts, reading)
        .forEach(each -> figures.addRow(figures.getRowCount(), name(each[0]), value(each[1])));
    exits.getChildren().clear();
    for (Exit cause : Exit.values()) {
      exits.addRow(
          exits.getRowCount(),
          name(MeterWords.name(texts, cause)),
          value(Long.toString(reading.exits(cause))));
    }
  }

  private static Label value(String text) {
    Label label = new Label(text);
    label.setMinWidth(Region.USE_PREF_SIZE);
    return label;
  }

  @Override
  public void close() {
    meter.close();
  }
}

package io.satchel.app.identify;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Page;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.app.preset.Preset;
import io.satchel.image.inspect.Inspector.FoundVolume;
import io.satchel.image.inspect.OperatingSystem;
import io.satchel.vm.api.MachineConfig.DriveKind;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;

/** What an image is, how it is, what it needs, and what can be done with it. */
public final class IdentifyPage extends Page {

  /** What can be done. */
  public interface Actions {
    /** Runs it with that hardware; the file is not written. */
    void runOnce(ImageSummary image, Preset preset);

    /** Makes a machine of it that is kept. */
    void add(ImageSummary image, Preset preset);

    void check(ImageSummary image);

    /** Shows the files in it. */
    void lookInside(ImageSummary image);
  }

  private final Desktop desktop;
  private final ImageSummary image;
  private final ComboBox<Preset> preset;
  private final Label needs = Controls.paragraph("");
  private final Label advice = Controls.paragraph("");

  public IdentifyPage(Desktop desktop, ImageSummary image, Actions actions, Runnable back) {
    super(desktop.texts(), String.valueOf(image.path().getFileName()), back);
    this.desktop = desktop;
    this.image = image;
    setId("identify");
    preset = Choices.of("preset", desktop.presets().all(), each -> each.title(texts));
    preset.setValue(desktop.presets().orUnknown(image.preset()));
    preset.valueProperty().addListener((_, _, _) -> presetChosen());
    advice.getStyleClass().add("quiet");
    add(facts());
    if (image.uefiOnly()) {
      add(warning("identify.uefi"));
    } else if (image.bootless()) {
      add(warning("identify.bootless"));
    }
    if (image.keptBefore()) {
      add(controls.text("identify.kept"));
    }
    add(
        controls.field("identify.preset", preset),
        needs,
        advice,
        controls.help("identify.untouched"));
    presetChosen();
    Button check = controls.button("check", "identify.check", () -> actions.check(image));
    Button keep =
        controls.button("add", "identify.add", () -> actions.add(image, preset.getValue()));
    Button run =
        controls.button("run", "identify.run", () -> actions.runOnce(image, preset.getValue()));
    Button inside = controls.button("inside", "identify.inside", () -> actions.lookInside(image));
    if (image.findings().format().equals("qcow2")) {
      actions(check, inside, keep, run);
    } else {
      actions(inside, keep, run);
    }
  }

  private Label warning(String key) {
    Label label = controls.text(key);
    label.getStyleClass().add("warning");
    return label;
  }

  private void presetChosen() {
    Preset chosen = preset.getValue();
    needs.setText(
        texts.get(
            "identify.needs",
            Sizes.of(chosen.memoryMib() * 1048576L),
            texts.get("processor." + chosen.processor())));
    advice.setText(chosen.hint(texts));
  }

  private Node facts() {
    GridPane grid = new GridPane(16, 8);
    grid.getStyleClass().add("figures");
    ColumnConstraints names = new ColumnConstraints();
    names.setMinWidth(Region.USE_PREF_SIZE);
    ColumnConstraints values = new ColumnConstraints();
    values.setHgrow(Priority.ALWAYS);
    grid.getColumnConstraints().addAll(names, values);
    row(grid, "identify.what", what());
    Label system = row(grid, "identify.system", system());
    system.getStyleClass().add("section-title");
    row(grid, "identify.contents", contents());
    row(
        grid,
        "identify.size",
        texts.get(
            "identify.size.of", Sizes.of(image.findings().size()), Sizes.of(image.fileSize())));
    Label health = row(grid, "identify.health", health());
    health.getStyleClass().add(image.clean() ? "good" : "bad");
    row(grid, "identify.start", start());
    if (image.chain().size() > 1) {
      row(
          grid,
          "identify.chain",
          String.join(
              "\n",
              image.chain().stream()
                  .skip(1)
                  .map(path -> String.valueOf(path.getFileName()))
                  .toList()));
    }
    row(grid, "identify.where", String.valueOf(image.path().toAbsolutePath().getParent()));
    return grid;
  }

  private Label row(GridPane grid, String key, String value) {
    Label name = new Label(texts.get(key));
    name.getStyleClass().add("figure-name");
    name.setMinWidth(Region.USE_PREF_SIZE);
    Label shown = Controls.paragraph(value);
    shown.setAccessibleText(texts.get(key) + ": " + value);
    int row = grid.getRowCount();
    grid.add(name, 0, row);
    grid.add(shown, 1, row);
    GridPane.setValignment(name, javafx.geometry.VPos.TOP);
    return shown;
  }

  private String what() {
    String kind =
        texts.get(
            switch (image.kind()) {
              case HARD_DISK -> "identify.disk";
              case CD -> "identify.cd";
              case FLOPPY -> "identify.floppy";
            });
    return image.kind() == DriveKind.HARD_DISK
        ? texts.get("identify.what.of", kind, image.findings().format())
        : kind;
  }

  private String system() {
    StringBuilder text = new StringBuilder();
    for (OperatingSystem each : image.findings().systems()) {
      text.append(text.isEmpty() ? "" : "\n");
      String name =
          each.architecture() == null
              ? each.name()
              : texts.get("identify.what.of", each.name(), each.architecture());
      text.append(image.findings().optical() ? texts.get("identify.system.installer", name) : name);
    }
    return text.isEmpty() ? texts.get("identify.system.unknown") : text.toString();
  }

  private String contents() {
    StringBuilder text = new StringBuilder();
    for (FoundVolume each : image.findings().fileSystems()) {
      text.append(text.isEmpty() ? "" : "\n");
      text.append(
          each.label().isBlank()
              ? each.kind()
              : texts.get("identify.named", each.kind(), each.label()));
      if (each.used() >= 0) {
        text.append(texts.get("identify.used", Sizes.of(each.used()), Sizes.of(each.size())));
      }
    }
    return text.isEmpty() ? texts.get("identify.contents.none") : text.toString();
  }

  private String health() {
    if (image.clean()) {
      return texts.get("identify.health.good");
    }
    StringBuilder text = new StringBuilder();
    if (image.dirty()) {
      text.append(texts.get("identify.health.dirty"));
    }
    for (FoundVolume each : image.findings().fileSystems()) {
      if (each.problem() != null) {
        text.append(text.isEmpty() ? "" : "\n");
        text.append(texts.get("identify.health.problem", each.kind(), each.partition()));
      }
    }
    return text.toString();
  }

  private String start() {
    if (image.kind() == DriveKind.FLOPPY) {
      return texts.get("identify.start.floppy");
    }
    return texts.get(
        switch (image.findings().firmware()) {
          case BIOS -> "identify.start.bios";
          case UEFI -> "identify.start.uefi";
          case BOTH -> "identify.start.both";
          case NONE -> "identify.start.none";
        });
  }
}

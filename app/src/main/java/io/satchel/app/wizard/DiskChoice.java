package io.satchel.app.wizard;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Conversion;
import io.satchel.resources.Texts;
import java.util.ArrayList;
import java.util.List;
import javafx.scene.control.Label;
import javafx.scene.control.RadioButton;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleGroup;
import javafx.scene.layout.VBox;

/** How large a new disk is and in which format, with advice in words. */
final class DiskChoice extends VBox {

  private static final long LARGEST = 8L << 40;

  private final Texts texts;
  private final TextField size = new TextField();
  private final ToggleGroup format = new ToggleGroup();
  private final Label problem = Controls.paragraph("");

  /**
   * @param formats those that are offered, by qemu-img's names
   * @param changed told about every change
   */
  DiskChoice(Texts texts, List<String> formats, Runnable changed) {
    super(10);
    this.texts = texts;
    Controls controls = new Controls(texts);
    size.setId("size");
    size.setMaxWidth(160);
    problem.getStyleClass().add("bad");
    problem.managedProperty().bind(problem.textProperty().isNotEmpty());
    getChildren().addAll(controls.field("disk.size", size), problem);
    List<RadioButton> buttons = new ArrayList<>();
    for (String each : formats) {
      RadioButton button = controls.radio("format-" + each, "format." + each);
      button.setToggleGroup(format);
      button.setUserData(each);
      buttons.add(button);
      getChildren().addAll(button, controls.help("format." + each + ".help"));
    }
    buttons.getFirst().setSelected(true);
    size.textProperty()
        .addListener(
            (_, _, _) -> {
              check();
              changed.run();
            });
    format.selectedToggleProperty().addListener((_, _, _) -> changed.run());
  }

  static DiskChoice all(Texts texts, Runnable changed) {
    return new DiskChoice(texts, Conversion.FORMATS, changed);
  }

  private void check() {
    long bytes = bytes();
    problem.setText(
        bytes < 0
            ? texts.get("disk.size.unclear")
            : bytes > LARGEST
                ? texts.get("disk.size.large", Sizes.of(LARGEST))
                : bytes < 512 ? texts.get("disk.size.small") : "");
  }

  void suggest(double gigabytes) {
    size.setText(Sizes.of((long) (gigabytes * (1L << 30))));
  }

  /** The size, in whole sectors; negative when it cannot be understood. */
  long bytes() {
    long parsed = Sizes.parse(size.getText());
    return parsed < 0 ? -1 : parsed / 512 * 512;
  }

  boolean usable() {
    long bytes = bytes();
    return bytes >= 512 && bytes <= LARGEST;
  }

  String format() {
    return String.valueOf(format.getSelectedToggle().getUserData());
  }
}

package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Supplier;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.TextField;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/** A file's name, typed or chosen. */
public final class FileRow extends VBox {

  private final TextField name = new TextField();

  public FileRow(
      Texts texts, String id, String key, Supplier<@Nullable Path> picker, Runnable changed) {
    super(3);
    Controls controls = new Controls(texts);
    name.setId(id);
    HBox.setHgrow(name, Priority.ALWAYS);
    Button choose =
        controls.button(
            id + "-choose",
            "file.choose",
            () -> {
              Path file = picker.get();
              if (file != null) {
                name.setText(file.toString());
              }
            });
    VBox field = controls.field(key, name);
    HBox.setHgrow(field, Priority.ALWAYS);
    HBox row = new HBox(8, field, choose);
    row.setAlignment(Pos.BOTTOM_LEFT);
    getChildren().add(row);
    name.textProperty().addListener((_, _, _) -> changed.run());
  }

  public TextField input() {
    return name;
  }

  /** The file, or null when nothing that could be one was named. */
  public @Nullable Path file() {
    String text = name.getText().strip();
    if (text.isEmpty()) {
      return null;
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException _) {
      return null;
    }
  }

  public void set(Path file) {
    name.setText(file.toString());
  }
}

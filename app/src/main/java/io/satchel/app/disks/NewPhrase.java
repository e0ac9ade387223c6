package io.satchel.app.disks;

import io.satchel.app.common.Controls;
import io.satchel.resources.Texts;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import javafx.scene.control.PasswordField;
import javafx.scene.layout.VBox;

/** A new pass phrase, typed twice. */
final class NewPhrase extends VBox {

  private static final double WIDTH = 320;

  private final Texts texts;
  private final PasswordField first = new PasswordField();
  private final PasswordField again = new PasswordField();

  /**
   * @param changed hears what is wrong with it, in a sentence; empty when it can be used
   */
  NewPhrase(Texts texts, Consumer<String> changed) {
    super(12);
    this.texts = texts;
    Controls controls = new Controls(texts);
    first.setId("phrase");
    again.setId("phrase-again");
    first.setMaxWidth(WIDTH);
    again.setMaxWidth(WIDTH);
    getChildren()
        .addAll(
            controls.field("phrase.new", first),
            controls.field("phrase.again", again),
            controls.help("phrase.help"));
    first.textProperty().addListener((_, _, _) -> changed.accept(wrong()));
    again.textProperty().addListener((_, _, _) -> changed.accept(wrong()));
  }

  /** Whether it was typed twice alike. */
  boolean usable() {
    return !first.getText().isEmpty() && first.getText().equals(again.getText());
  }

  private String wrong() {
    boolean differs = !again.getText().isEmpty() && !first.getText().startsWith(again.getText());
    return differs ? texts.get("phrase.differ") : "";
  }

  byte[] bytes() {
    return first.getText().getBytes(StandardCharsets.UTF_8);
  }

  /** Forgets what was typed. */
  void clear() {
    first.clear();
    again.clear();
  }
}

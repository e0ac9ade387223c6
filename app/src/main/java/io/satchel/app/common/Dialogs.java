package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.io.IOException;
import java.util.Optional;
import javafx.scene.control.Alert;
import javafx.scene.control.Alert.AlertType;
import javafx.scene.control.ButtonBar.ButtonData;
import javafx.scene.control.ButtonType;
import javafx.scene.control.Label;
import javafx.stage.Window;
import org.jspecify.annotations.Nullable;

/** The few dialogs that every screen shows. */
public final class Dialogs {

  private Dialogs() {}

  /** What happened, to which file, and what to do: the message of the error says all three. */
  public static void error(@Nullable Window owner, Texts texts, IOException problem) {
    String message = Sentences.of(problem);
    Alert alert = alert(AlertType.ERROR, owner, texts.get("error.title"), message);
    alert.getButtonTypes().setAll(new ButtonType(texts.get("error.ok"), ButtonData.OK_DONE));
    alert.showAndWait();
  }

  /** Asks before something that cannot be undone; the way back is the default. */
  public static boolean confirm(
      @Nullable Window owner, Texts texts, String title, String text, String yes) {
    ButtonType agree = new ButtonType(texts.get(yes), ButtonData.OTHER);
    ButtonType back = new ButtonType(texts.get("dialog.back"), ButtonData.CANCEL_CLOSE);
    return choose(owner, texts.get(title), texts.get(text), agree, back).orElse(back) == agree;
  }

  /** Asks with buttons of the caller's. */
  public static Optional<ButtonType> choose(
      @Nullable Window owner, String title, String text, ButtonType... buttons) {
    Alert alert = alert(AlertType.CONFIRMATION, owner, title, text);
    alert.getButtonTypes().setAll(buttons);
    return alert.showAndWait();
  }

  private static Alert alert(AlertType type, @Nullable Window owner, String title, String text) {
    Alert alert = new Alert(type);
    if (owner != null) {
      alert.initOwner(owner);
    }
    alert.setTitle(title);
    alert.setHeaderText(title);
    Label content = new Label(text);
    content.setWrapText(true);
    content.setMaxWidth(460);
    alert.getDialogPane().setContent(content);
    alert.getDialogPane().setAccessibleText(title + ". " + text);
    return alert;
  }
}

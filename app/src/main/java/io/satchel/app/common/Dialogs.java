package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.io.IOException;
import java.util.Optional;
import javafx.scene.Node;
import javafx.scene.control.Alert;
import javafx.scene.control.Alert.AlertType;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBar;
import javafx.scene.control.ButtonBar.ButtonData;
import javafx.scene.control.ButtonType;
import javafx.scene.control.Label;
import javafx.scene.layout.Region;
import javafx.stage.Window;
import org.jspecify.annotations.Nullable;

/** The few dialogs that every screen shows. */
public final class Dialogs {

  private static final double TEXT_WIDTH = 460;

  private Dialogs() {}

  /** What happened, to which file, and what to do: the message of the error says all three. */
  public static void error(@Nullable Window owner, Texts texts, IOException problem) {
    String message = Sentences.of(texts, problem);
    Alert alert = alert(AlertType.ERROR, owner, texts.get("error.title"), message);
    alert.getButtonTypes().setAll(new ButtonType(texts.get("error.ok"), ButtonData.OK_DONE));
    alert.showAndWait();
  }

  /** Asks before something that cannot be undone; the way back is the default. */
  public static boolean confirm(
      @Nullable Window owner, Texts texts, String title, String text, String yes) {
    ButtonType agree = new ButtonType(texts.get(yes), ButtonData.OTHER);
    ButtonType back = new ButtonType(texts.get("dialog.back"), ButtonData.CANCEL_CLOSE);
    return choose(owner, texts.get(title), texts.get(text), back, agree).orElse(back) == agree;
  }

  /** Asks with buttons of the caller's; Enter takes the first. */
  public static Optional<ButtonType> choose(
      @Nullable Window owner, String title, String text, ButtonType... buttons) {
    Alert alert = alert(AlertType.CONFIRMATION, owner, title, text);
    alert.getButtonTypes().setAll(buttons);
    enterTakes(alert, buttons[0]);
    return alert.showAndWait();
  }

  private static void enterTakes(Alert alert, ButtonType first) {
    for (ButtonType each : alert.getButtonTypes()) {
      if (alert.getDialogPane().lookupButton(each) instanceof Button button) {
        button.setDefaultButton(each == first);
        button.setMinWidth(Region.USE_PREF_SIZE);
        ButtonBar.setButtonUniformSize(button, false);
      }
    }
  }

  /**
   * Asks for what {@code content} has fields for.
   *
   * @param yes what agreeing is called
   * @return whether the person agreed
   */
  public static boolean form(
      @Nullable Window owner, Texts texts, String title, Node content, String yes) {
    return form(owner, texts, title, content, yes, false);
  }

  /** As {@link #form}, for what cannot be undone: Enter takes the way back. */
  public static boolean danger(
      @Nullable Window owner, Texts texts, String title, Node content, String yes) {
    return form(owner, texts, title, content, yes, true);
  }

  private static boolean form(
      @Nullable Window owner,
      Texts texts,
      String title,
      Node content,
      String yes,
      boolean backFirst) {
    Alert alert = alert(AlertType.NONE, owner, title, "");
    alert.setHeaderText(title);
    alert.getDialogPane().setContent(content);
    alert.getDialogPane().setAccessibleText(title);
    ButtonType agree = new ButtonType(yes, ButtonData.OK_DONE);
    ButtonType cancel = new ButtonType(texts.get("dialog.cancel"), ButtonData.CANCEL_CLOSE);
    alert.getButtonTypes().setAll(agree, cancel);
    enterTakes(alert, backFirst ? cancel : agree);
    return alert.showAndWait().filter(button -> button == agree).isPresent();
  }

  /** Tells something that needs no decision. */
  public static void tell(@Nullable Window owner, Texts texts, String title, String text) {
    Alert alert = alert(AlertType.INFORMATION, owner, title, text);
    alert.getButtonTypes().setAll(new ButtonType(texts.get("error.ok"), ButtonData.OK_DONE));
    alert.showAndWait();
  }

  private static Alert alert(AlertType type, @Nullable Window owner, String title, String text) {
    Alert alert = new Alert(type);
    if (owner != null) {
      alert.initOwner(owner);
      if (owner.getScene() != null) {
        alert.getDialogPane().getStylesheets().setAll(owner.getScene().getStylesheets());
      }
    }
    alert.setTitle(title);
    alert.setHeaderText(title);
    Label content = new Label(text);
    content.setWrapText(true);
    content.setPrefWidth(TEXT_WIDTH);
    content.setMinHeight(Region.USE_PREF_SIZE);
    alert.setResizable(true);
    alert.getDialogPane().setContent(content);
    alert.getDialogPane().setAccessibleText(title + ". " + text);
    return alert;
  }
}

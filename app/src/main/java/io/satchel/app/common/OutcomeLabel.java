package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.io.IOException;
import javafx.scene.control.Label;
import javafx.scene.layout.Region;

/** What came of something, or what stands in the way; it takes no place while it says nothing. */
public final class OutcomeLabel extends Label {

  private static final String GOOD = "good";
  private static final String WARNING = "warning";

  public OutcomeLabel() {
    setId("outcome");
    setWrapText(true);
    setMaxWidth(Controls.LINE);
    setMinHeight(Region.USE_PREF_SIZE);
    visibleProperty().bind(textProperty().isNotEmpty());
    managedProperty().bind(visibleProperty());
  }

  /** Says that something is done, or that it is not. */
  public void say(String text, boolean good) {
    tell(text);
    getStyleClass().add(good ? GOOD : WARNING);
  }

  /** Says something that is neither good nor bad. */
  public void tell(String text) {
    getStyleClass().removeAll(GOOD, WARNING);
    setText(text);
  }

  /** Says what went wrong. */
  public void failed(Texts texts, IOException problem) {
    say(Sentences.of(texts, problem), false);
  }

  /** Says nothing any more. */
  public void clear() {
    tell("");
  }
}

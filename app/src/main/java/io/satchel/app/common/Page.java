package io.satchel.app.common;

import io.satchel.resources.Texts;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.VBox;

/**
 * A page of the window that is about one thing: a way back, what it is about, its content, and what
 * can be done. Escape goes back.
 */
public class Page extends BorderPane {

  protected final Texts texts;
  protected final Controls controls;
  private final VBox body = new VBox(14);
  private final FlowPane buttons = new FlowPane(10, 8);
  private final Label title;

  @SuppressWarnings("this-escape") // the scene graph is built here, and nobody else sees it yet
  public Page(Texts texts, String titleText, Runnable back) {
    this.texts = texts;
    controls = new Controls(texts);
    Button wayBack = controls.button("back", "page.back", back);
    title = new Label(titleText);
    title.getStyleClass().add("page-title");
    title.setWrapText(true);
    HBox head = new HBox(14, wayBack, title);
    head.setAlignment(Pos.CENTER_LEFT);
    head.setPadding(new Insets(12, 16, 12, 16));
    head.getStyleClass().add("page-head");
    setTop(head);
    body.setPadding(new Insets(18, 24, 18, 24));
    ScrollPane scroll = new ScrollPane(body);
    scroll.setFitToWidth(true);
    scroll.getStyleClass().add("page-scroll");
    // What is in it takes the focus; the frame would be one more stop of the Tab key.
    scroll.setFocusTraversable(false);
    setCenter(scroll);
    buttons.setPadding(new Insets(12, 24, 14, 24));
    buttons.setAlignment(Pos.CENTER_RIGHT);
    buttons.getStyleClass().add("page-buttons");
    setBottom(buttons);
    buttons.managedProperty().bind(javafx.beans.binding.Bindings.isNotEmpty(buttons.getChildren()));
    addEventHandler(
        KeyEvent.KEY_PRESSED,
        event -> {
          if (event.getCode() == KeyCode.ESCAPE) {
            event.consume();
            back.run();
          }
        });
  }

  /** Adds to the content. */
  protected final void add(Node... nodes) {
    body.getChildren().addAll(nodes);
  }

  /** Replaces the content. */
  protected final void show(Node... nodes) {
    body.getChildren().setAll(nodes);
  }

  /** What can be done, the likeliest last: it is the default button. */
  protected final void actions(Node... nodes) {
    buttons.getChildren().setAll(nodes);
    if (nodes.length > 0 && nodes[nodes.length - 1] instanceof Button last) {
      last.setDefaultButton(true);
    }
  }

  /** Puts the keyboard's focus on the likeliest button. */
  public void focusFirst() {
    if (!buttons.getChildren().isEmpty()) {
      buttons.getChildren().getLast().requestFocus();
    }
  }

  /** What the page is about. */
  public final String title() {
    return title.getText();
  }
}

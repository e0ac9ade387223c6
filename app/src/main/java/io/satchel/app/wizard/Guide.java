package io.satchel.app.wizard;

import io.satchel.app.common.Controls;
import io.satchel.app.library.Desktop;
import io.satchel.resources.Texts;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import javafx.application.Platform;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBar.ButtonData;
import javafx.scene.control.ButtonType;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.VBox;
import org.controlsfx.dialog.Wizard;
import org.controlsfx.dialog.WizardPane;
import org.jspecify.annotations.Nullable;

/**
 * A wizard: pages with a title, a way back, and a default that Enter takes. Nothing is made before
 * the last page has been agreed to, so that Cancel leaves nothing.
 */
final class Guide {

  private static final double WIDTH = 640;
  private static final double HEIGHT = 470;

  private final Desktop desktop;
  private final Texts texts;
  private final Wizard wizard;
  private final List<GuidePage> pages = new ArrayList<>();

  Guide(Desktop desktop, String title) {
    this.desktop = desktop;
    texts = desktop.texts();
    wizard = new Wizard(desktop.stage(), title);
  }

  /** A page of it. */
  final class GuidePage extends WizardPane {
    private final VBox body = new VBox(12);
    private final BooleanProperty incomplete = new SimpleBooleanProperty();
    private BooleanSupplier complete = () -> true;
    private @Nullable Runnable entering;
    private @Nullable Node first;

    private GuidePage(String id, String title) {
      setId(id);
      setHeaderText(title);
      setAccessibleText(title);
      body.setPadding(new Insets(16));
      ScrollPane scroll = new ScrollPane(body);
      scroll.setFitToWidth(true);
      scroll.setFocusTraversable(false);
      scroll.getStyleClass().add("page-scroll");
      setContent(scroll);
      setPrefSize(WIDTH, HEIGHT);
      if (desktop.stage().getScene() != null) {
        getStylesheets().setAll(desktop.stage().getScene().getStylesheets());
      }
    }

    GuidePage content(Node... nodes) {
      body.getChildren().setAll(nodes);
      return this;
    }

    /** What to do each time that the page is come to. */
    GuidePage entering(Runnable action) {
      entering = action;
      return this;
    }

    /** What takes the focus; otherwise it is the button that goes on. */
    GuidePage first(Node node) {
      first = node;
      return this;
    }

    /** When the way on is open; to be asked again with {@link #refresh}. */
    GuidePage complete(BooleanSupplier condition) {
      complete = condition;
      return this;
    }

    void refresh() {
      incomplete.set(!complete.getAsBoolean());
    }

    @Override
    public void onEnteringPage(Wizard entered) {
      name(this);
      if (entering != null) {
        entering.run();
      }
      refresh();
      entered.invalidProperty().unbind();
      entered.invalidProperty().bind(incomplete);
      Platform.runLater(
          () -> {
            Node target = first == null ? onward(this) : first;
            if (target != null) {
              target.requestFocus();
            }
          });
    }
  }

  /** Adds a page. */
  GuidePage page(String id, String key) {
    GuidePage page = new GuidePage(id, texts.get(key));
    pages.add(page);
    return page;
  }

  /** Names the wizard's own buttons in the reader's language. */
  private void name(WizardPane page) {
    for (ButtonType type : page.getButtonTypes()) {
      String key =
          switch (type.getButtonData()) {
            case BACK_PREVIOUS -> "wizard.back";
            case NEXT_FORWARD -> "wizard.next";
            case FINISH -> "wizard.finish";
            default -> "dialog.cancel";
          };
      if (page.lookupButton(type) instanceof Button button) {
        button.setText(texts.get(key));
        button.setAccessibleText(texts.get(key));
        button.setMinWidth(javafx.scene.layout.Region.USE_PREF_SIZE);
        button.setId(key.replace('.', '-'));
      }
    }
  }

  private static @Nullable Node onward(WizardPane page) {
    for (ButtonType type : page.getButtonTypes()) {
      if (type.getButtonData() == ButtonData.NEXT_FORWARD
          || type.getButtonData() == ButtonData.FINISH) {
        return page.lookupButton(type);
      }
    }
    return null;
  }

  /** Shows the pages; {@code agreed} follows when the last one was agreed to. */
  void show(Runnable agreed) {
    wizard.setFlow(new Wizard.LinearFlow(pages.toArray(WizardPane[]::new)));
    wizard
        .showAndWait()
        .filter(answer -> answer.getButtonData() == ButtonData.FINISH)
        .ifPresent(_ -> agreed.run());
  }

  Controls controls() {
    return new Controls(texts);
  }
}

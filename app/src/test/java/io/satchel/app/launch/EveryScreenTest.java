package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.common.AppSettings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBase;
import javafx.scene.control.ComboBoxBase;
import javafx.scene.control.Label;
import javafx.scene.control.Labeled;
import javafx.scene.control.MenuButton;
import javafx.scene.control.MenuItem;
import javafx.scene.control.ScrollBar;
import javafx.scene.control.Spinner;
import javafx.scene.control.TextInputControl;
import javafx.scene.layout.VBox;
import javafx.scene.text.Text;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** What holds on every screen, in both languages, with text at 125 percent. */
@Timeout(240)
class EveryScreenTest extends ScreenWalk {

  private static final String ENLARGED = "-fx-font-size: 1.25em;";

  /** A label may be laid out a fraction of a pixel short. */
  private static final double SLACK = 1.5;

  private final List<String> wrong = new ArrayList<>();
  private final Set<String> seen = new LinkedHashSet<>();
  private int controls;

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  @Test
  void inEnglishEveryControlHasANameAndNoTextIsCutOff(FxRobot robot) throws IOException {
    holds(robot, AppSettings.Language.ENGLISH);
  }

  @Test
  void inChineseEveryControlHasANameAndNoTextIsCutOff(FxRobot robot) throws IOException {
    holds(robot, AppSettings.Language.CHINESE);
  }

  /** The proof that the other two can fail. */
  @Test
  void aTextThatIsCutOffAndAControlWithoutANameAreSeen(FxRobot robot) {
    robot.interact(
        () -> {
          Label narrow = new Label("much too long for its place");
          narrow.setMaxWidth(60);
          Label low = new Label("much too long for its place");
          low.setWrapText(true);
          low.setMaxSize(60, 20);
          low.setMinHeight(20);
          stage.getScene().setRoot(new VBox(narrow, low, new Button()));
          enlarge(stage.getScene());
          look("made up", stage.getScene().getRoot());
        });
    assertThat(wrong).hasSize(3);
  }

  private void holds(FxRobot robot, AppSettings.Language language) throws IOException {
    reopen(robot, language, AppSettings.Choice.LIGHT);
    robot.interact(() -> stage.getScene().getRoot().setStyle(ENLARGED));
    walk(
        robot,
        (name, scene) -> {
          seen.add(name);
          enlarge(scene);
          look(name, scene.getRoot());
        });
    assertThat(seen).hasSizeGreaterThan(30);
    assertThat(controls).as("controls that were looked at").isGreaterThan(150);
    assertThat(wrong).isEmpty();
  }

  private static void enlarge(Scene scene) {
    Parent root = scene.getRoot();
    if (!ENLARGED.equals(root.getStyle())) {
      root.setStyle(ENLARGED);
      root.applyCss();
      // A dialog takes the size that its text needs, as it does when it opens.
      scene.getWindow().sizeToScene();
    }
    root.applyCss();
    root.layout();
  }

  private void look(String screen, Node node) {
    if (!node.isVisible() || node instanceof ScrollBar) {
      return;
    }
    boolean acts =
        node instanceof ButtonBase
            || node instanceof TextInputControl
            || node instanceof ComboBoxBase<?>
            || node instanceof Spinner<?>;
    if (acts) {
      controls++;
      String name = node.getAccessibleText();
      String label = node instanceof Labeled labeled ? labeled.getText() : "";
      if ((name == null || name.isBlank()) && (label == null || label.isBlank())) {
        wrong.add(screen + ": no name: " + node);
      }
      if (!node.isFocusTraversable()) {
        wrong.add(screen + ": not reached by the keyboard: " + node);
      }
    }
    if (node instanceof MenuButton menu) {
      for (MenuItem item : menu.getItems()) {
        if (item.getId() != null && (item.getText() == null || item.getText().isBlank())) {
          wrong.add(screen + ": a menu's item has no name: " + item.getId());
        }
      }
    }
    if (node instanceof Labeled labeled) {
      cut(screen, labeled);
    }
    // A control's inner parts speak with the control's name.
    boolean inside =
        node instanceof TextInputControl
            || node instanceof Spinner<?>
            || node instanceof ComboBoxBase<?>;
    if (node instanceof Parent parent && !inside) {
      parent.getChildrenUnmodifiable().forEach(child -> look(screen, child));
    }
  }

  private void cut(String screen, Labeled labeled) {
    String text = labeled.getText();
    if (text == null || text.isEmpty() || labeled.getWidth() == 0) {
      return;
    }
    for (Node child : labeled.getChildrenUnmodifiable()) {
      if (child instanceof Text shown && !shown.getText().isEmpty()) {
        boolean shortened = !shown.getText().equals(text) && !labeled.isMnemonicParsing();
        boolean high = shown.getLayoutBounds().getHeight() > labeled.getHeight() + SLACK;
        if (shortened || high) {
          wrong.add(screen + ": cut off: \"" + text + "\" shown as \"" + shown.getText() + "\"");
        }
      }
    }
  }
}

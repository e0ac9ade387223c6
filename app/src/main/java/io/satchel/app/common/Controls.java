package io.satchel.app.common;

import io.satchel.resources.Texts;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBase;
import javafx.scene.control.CheckBox;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.Label;
import javafx.scene.control.MenuButton;
import javafx.scene.control.MenuItem;
import javafx.scene.control.RadioButton;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCombination;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.util.Duration;

/** Makes controls that have a name for a screen reader, and help where there is a text for it. */
public final class Controls {

  /** Lines longer than this are hard to read. */
  static final double LINE = 560;

  private static final Duration TOOLTIP_DELAY = Duration.millis(500);

  private final Texts texts;

  public Controls(Texts texts) {
    this.texts = texts;
  }

  /** A button; {@code key.help}, where it exists, becomes its tooltip and spoken help. */
  public Button button(String id, String key, Runnable action) {
    Button button = new Button(texts.get(key));
    return prepared(button, id, key, action);
  }

  /** As {@link #button}, with a key that the tooltip names; the page makes it work. */
  public Button button(String id, String key, KeyCombination shortcut, Runnable action) {
    Button button = button(id, key, action);
    Tooltip tip = button.getTooltip();
    String help = tip == null ? button.getText() : tip.getText();
    button.setTooltip(tooltip(help + "  (" + shortcut.getDisplayText() + ")"));
    return button;
  }

  public Hyperlink link(String id, String key, Runnable action) {
    return prepared(new Hyperlink(texts.get(key)), id, key, action);
  }

  private <T extends ButtonBase> T prepared(T button, String id, String key, Runnable action) {
    button.setId(id);
    button.setOnAction(_ -> action.run());
    // A cut-off text is worse than a wide button.
    button.setMinWidth(Region.USE_PREF_SIZE);
    describe(button, key);
    return button;
  }

  public MenuButton menu(String id, String key, MenuItem... items) {
    MenuButton menu = new MenuButton(texts.get(key), null, items);
    menu.setId(id);
    menu.setMinWidth(Region.USE_PREF_SIZE);
    describe(menu, key);
    return menu;
  }

  public MenuItem item(String id, String key, Runnable action) {
    MenuItem item = new MenuItem(texts.get(key));
    item.setId(id);
    item.setOnAction(_ -> action.run());
    return item;
  }

  public CheckBox check(String id, String key, boolean on) {
    CheckBox box = new CheckBox(texts.get(key));
    box.setId(id);
    box.setSelected(on);
    box.setWrapText(true);
    describe(box, key);
    return box;
  }

  public RadioButton radio(String id, String key, Object... arguments) {
    RadioButton button = new RadioButton(texts.get(key, arguments));
    button.setId(id);
    button.setWrapText(true);
    describe(button, key);
    button.setAccessibleText(button.getText());
    return button;
  }

  /** A paragraph. */
  public Label text(String key, Object... arguments) {
    return paragraph(texts.get(key, arguments));
  }

  /** A paragraph of a text that is no key. */
  public static Label paragraph(String text) {
    Label label = new Label(text);
    label.setWrapText(true);
    label.setMaxWidth(LINE);
    label.setMinHeight(Region.USE_PREF_SIZE);
    return label;
  }

  /** A paragraph in the quieter colour that explains what is above it. */
  public Label help(String key, Object... arguments) {
    Label label = text(key, arguments);
    label.getStyleClass().add("quiet");
    return label;
  }

  /** A field under its name; the name is also what a screen reader says. */
  public VBox field(String key, Node control) {
    Label label = new Label(texts.get(key));
    label.setLabelFor(control);
    label.setMinWidth(Region.USE_PREF_SIZE);
    control.setAccessibleText(texts.get(key));
    if (texts.has(key + ".help")) {
      control.setAccessibleHelp(texts.get(key + ".help"));
      return new VBox(3, label, control, help(key + ".help"));
    }
    return new VBox(3, label, control);
  }

  /** Names a control by {@code key}. */
  public void describe(Node control, String key) {
    control.setAccessibleText(texts.get(key));
    if (texts.has(key + ".help")) {
      String help = texts.get(key + ".help");
      control.setAccessibleHelp(help);
      if (control instanceof javafx.scene.control.Control plain) {
        plain.setTooltip(tooltip(help));
      }
    }
  }

  private static Tooltip tooltip(String text) {
    Tooltip tip = new Tooltip(text);
    tip.setWrapText(true);
    tip.setMaxWidth(LINE);
    tip.setShowDelay(TOOLTIP_DELAY);
    return tip;
  }
}

package io.satchel.app.settings;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Page;
import io.satchel.resources.Texts;
import java.util.List;
import javafx.scene.control.Label;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.Region;

/** Which keys do what, on one page. */
public final class ShortcutsPage extends Page {

  private static final double GAP = 24;

  private record Shortcut(String keys, String text) {}

  public ShortcutsPage(Texts texts, Runnable back) {
    super(texts, texts.get("shortcuts.title"), back);
    setId("shortcuts-page");
    group("shortcuts.everywhere", List.of(new Shortcut("F1", "page"), new Shortcut("Esc", "back")));
    group(
        "shortcuts.library",
        List.of(
            new Shortcut("Ctrl+O", "open"),
            new Shortcut("Ctrl+N", "create"),
            new Shortcut("Ctrl+F", "search"),
            new Shortcut("F2", "rename"),
            new Shortcut("Del", "remove")));
    group(
        "shortcuts.machine",
        List.of(
            new Shortcut("Ctrl+Alt", "release"),
            new Shortcut("Ctrl+Alt+Enter", "full"),
            new Shortcut("Ctrl+Alt+S", "snapshot"),
            new Shortcut("Ctrl+Alt+T", "timeline"),
            new Shortcut("Ctrl+Alt+P", "picture")));
    group(
        "shortcuts.timeline",
        List.of(
            new Shortcut("\u2190  \u2192", "through"),
            new Shortcut("F2", "name"),
            new Shortcut("Del", "delete")));
    group(
        "shortcuts.files",
        List.of(new Shortcut("Enter", "enter"), new Shortcut("Backspace", "up")));
  }

  private void group(String title, List<Shortcut> shortcuts) {
    Label name = new Label(texts.get(title));
    name.getStyleClass().add("section-title");
    GridPane grid = new GridPane(GAP, 6);
    for (Shortcut each : shortcuts) {
      Label keys = new Label(each.keys);
      keys.getStyleClass().add("mono");
      keys.setMinWidth(Region.USE_PREF_SIZE);
      Label text = Controls.paragraph(texts.get("shortcuts.text." + each.text));
      keys.setLabelFor(text);
      int row = grid.getRowCount();
      grid.add(keys, 0, row);
      grid.add(text, 1, row);
    }
    add(name, grid);
  }
}

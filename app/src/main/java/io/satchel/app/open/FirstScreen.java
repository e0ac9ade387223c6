package io.satchel.app.open;

import io.satchel.resources.Texts;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.VBox;
import javafx.scene.text.TextAlignment;
import javafx.stage.FileChooser;
import javafx.stage.Stage;

/** What a person sees first: what the program is for, in one sentence and two buttons. */
public final class FirstScreen extends VBox {

  private static final double TEXT_WIDTH = 520;
  private static final double BUTTON_WIDTH = 340;

  private final Stage stage;
  private final Texts texts;
  private final Consumer<Path> run;
  private final Button open;

  /**
   * @param recent images that were opened before, the newest first
   * @param run starts the image that was picked
   * @param demo starts the demonstration machine
   */
  public FirstScreen(
      Stage stage, Texts texts, List<Path> recent, Consumer<Path> run, Runnable demo) {
    super(16);
    this.stage = stage;
    this.texts = texts;
    this.run = run;
    setAlignment(Pos.CENTER);
    setPadding(new Insets(32));
    Label title = new Label(texts.get("first.title"));
    title.setStyle("-fx-font-size: 26px;");
    open = button("open", "first.open", "first.sentence", this::choose);
    open.setDefaultButton(true);
    getChildren()
        .addAll(
            title,
            text("first.sentence"),
            open,
            button("demo", "first.demo", "first.demo.help", demo),
            text("first.safe"));
    if (!recent.isEmpty()) {
      getChildren().add(recent(recent));
    }
  }

  /** Puts the keyboard's focus on the first button. */
  public void focusFirst() {
    open.requestFocus();
  }

  private Label text(String key) {
    Label label = new Label(texts.get(key));
    label.setWrapText(true);
    label.setMaxWidth(TEXT_WIDTH);
    label.setTextAlignment(TextAlignment.CENTER);
    return label;
  }

  private Button button(String id, String key, String help, Runnable action) {
    Button button = new Button(texts.get(key));
    button.setId(id);
    button.setPrefWidth(BUTTON_WIDTH);
    button.setStyle("-fx-font-size: 16px;");
    button.setAccessibleText(texts.get(key));
    button.setAccessibleHelp(texts.get(help));
    button.setOnAction(_ -> action.run());
    return button;
  }

  private VBox recent(List<Path> images) {
    VBox list = new VBox(2, new Label(texts.get("first.recent")));
    list.setAlignment(Pos.CENTER);
    list.setId("recent");
    for (Path image : images) {
      Hyperlink link = new Hyperlink(image.getFileName().toString());
      link.setTooltip(new Tooltip(image.toString()));
      link.setAccessibleText(texts.get("first.recent.open", image.getFileName()));
      link.setAccessibleHelp(image.toString());
      link.setOnAction(_ -> run.accept(image));
      list.getChildren().add(link);
    }
    return list;
  }

  private void choose() {
    FileChooser chooser = new FileChooser();
    chooser.setTitle(texts.get("first.open"));
    chooser
        .getExtensionFilters()
        .addAll(
            new FileChooser.ExtensionFilter(
                texts.get("open.images"),
                List.of(
                    "*.qcow2", "*.qcow", "*.img", "*.raw", "*.iso", "*.ima", "*.flp", "*.vfd",
                    "*.dd", "*.bin")),
            new FileChooser.ExtensionFilter(texts.get("open.all"), "*"));
    File file = chooser.showOpenDialog(stage);
    if (file != null) {
      run.accept(file.toPath());
    }
  }
}

package io.satchel.app.open;

import io.satchel.app.common.Dialogs;
import io.satchel.app.demo.DemoImage;
import io.satchel.app.machine.MachineView;
import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineEvents;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Scene;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBar.ButtonData;
import javafx.scene.control.ButtonType;
import javafx.scene.control.Label;
import javafx.scene.input.Dragboard;
import javafx.scene.input.TransferMode;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.VBox;
import javafx.stage.FileChooser;
import javafx.stage.Stage;
import org.jspecify.annotations.Nullable;

/** The program's window: the first screen, or a running machine. */
public final class MainWindow implements MachineView.Owner {

  private final Stage stage;
  private final Texts texts;
  private final Runnable closed;
  private final BorderPane root = new BorderPane();
  private @Nullable MachineView running;

  /**
   * @param closed told when the person has closed the window
   */
  public MainWindow(Stage stage, Texts texts, Runnable closed) {
    this.stage = stage;
    this.texts = texts;
    this.closed = closed;
    Scene scene = new Scene(root, 860, 660);
    root.setOnDragOver(
        event -> {
          if (event.getDragboard().hasFiles()) {
            event.acceptTransferModes(TransferMode.COPY);
          }
          event.consume();
        });
    root.setOnDragDropped(
        event -> {
          Dragboard board = event.getDragboard();
          event.setDropCompleted(board.hasFiles());
          event.consume();
          dropped(board.getFiles());
        });
    stage.setScene(scene);
    stage.setOnCloseRequest(
        event -> {
          event.consume();
          closeWindow();
        });
    showFirstScreen();
  }

  public void show() {
    stage.show();
  }

  @Override
  public Stage stage() {
    return stage;
  }

  private void showFirstScreen() {
    stage.setTitle(texts.get("window.title"));
    Label title = new Label(texts.get("first.title"));
    title.setStyle("-fx-font-size: 24px;");
    Label sentence = new Label(texts.get("first.sentence"));
    sentence.setWrapText(true);
    sentence.setMaxWidth(520);
    Button open = new Button(texts.get("first.open"));
    open.setId("open");
    open.setDefaultButton(true);
    open.setPrefWidth(320);
    open.setStyle("-fx-font-size: 16px;");
    open.setAccessibleHelp(texts.get("first.sentence"));
    open.setOnAction(_ -> choose());
    Button demo = new Button(texts.get("first.demo"));
    demo.setId("demo");
    demo.setPrefWidth(320);
    demo.setStyle("-fx-font-size: 16px;");
    demo.setAccessibleHelp(texts.get("first.demo.help"));
    demo.setOnAction(_ -> demonstrate());
    Label safe = new Label(texts.get("first.safe"));
    safe.setWrapText(true);
    safe.setMaxWidth(520);
    safe.setOpacity(0.8);
    VBox box = new VBox(16, title, sentence, open, demo, safe);
    box.setAlignment(Pos.CENTER);
    box.setPadding(new Insets(32));
    root.setCenter(box);
    open.requestFocus();
  }

  private void choose() {
    FileChooser chooser = new FileChooser();
    chooser.setTitle(texts.get("first.open"));
    chooser
        .getExtensionFilters()
        .addAll(
            new FileChooser.ExtensionFilter(
                texts.get("open.images"),
                "*.qcow2",
                "*.qcow",
                "*.img",
                "*.raw",
                "*.iso",
                "*.ima",
                "*.flp",
                "*.vfd",
                "*.dd",
                "*.bin"),
            new FileChooser.ExtensionFilter(texts.get("open.all"), "*"));
    File file = chooser.showOpenDialog(stage);
    if (file != null) {
      run(RunRequest.of(file.toPath()));
    }
  }

  private void demonstrate() {
    try {
      run(RunRequest.of(DemoImage.unpack()));
    } catch (IOException e) {
      Dialogs.error(stage, texts, e);
    }
  }

  private void dropped(List<File> files) {
    if (files.isEmpty()) {
      return;
    }
    Path file = files.getFirst().toPath();
    if (running != null) {
      running.insert(file);
    } else {
      run(RunRequest.of(file));
    }
  }

  /**
   * Builds a machine for {@code request} and switches it on; an error is shown, and the window
   * stays as it was.
   */
  public void run(RunRequest request) {
    try {
      Session session = Session.open(Changes.kept(request), new MachineEvents() {});
      MachineView view = new MachineView(texts, session, this);
      running = view;
      Path image = request.image();
      stage.setTitle(
          (image == null ? "" : image.getFileName() + " \u2013 ") + texts.get("window.title"));
      root.setCenter(view);
      view.start();
    } catch (IOException e) {
      Dialogs.error(stage, texts, e);
    }
  }

  @Override
  public void leave() {
    if (endMachine()) {
      showFirstScreen();
    }
  }

  private void closeWindow() {
    if (endMachine()) {
      stage.hide();
      closed.run();
    }
  }

  /**
   * Asks what becomes of what was written, then ends the machine; false if the person wants to go
   * on.
   */
  private boolean endMachine() {
    MachineView view = running;
    if (view == null) {
      return true;
    }
    Session session = view.session();
    boolean discard = false;
    if (session.changes() != null && session.machine().status().diskWrittenBytes() > 0) {
      ButtonType keep = new ButtonType(texts.get("close.keep"), ButtonData.YES);
      ButtonType discardType = new ButtonType(texts.get("close.discard"), ButtonData.NO);
      ButtonType back = new ButtonType(texts.get("dialog.back"), ButtonData.CANCEL_CLOSE);
      Optional<ButtonType> answer =
          Dialogs.choose(
              stage,
              texts.get("close.title"),
              texts.get("close.text", session.changes().getFileName()),
              keep,
              discardType,
              back);
      if (answer.isEmpty() || answer.get() == back) {
        return false;
      }
      discard = answer.get() == discardType;
    }
    boolean untouched = session.machine().status().diskWrittenBytes() == 0;
    running = null;
    view.close();
    session.close();
    try {
      if (discard || untouched && Changes.isNew(session)) {
        session.discardChanges();
      }
    } catch (IOException e) {
      Dialogs.error(stage, texts, e);
    }
    return true;
  }
}

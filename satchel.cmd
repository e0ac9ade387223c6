@echo off
rem Runs Satchel from its source tree; builds first what is not built.
setlocal
set "here=%~dp0"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"
"%java%" -version 2>&1 | findstr /c:"version \"25" >nul
if errorlevel 1 (
  echo satchel: JDK 25 was not found. Install it and set JAVA_HOME to its folder. 1>&2
  exit /b 2
)
if not exist "%here%app\target\built" (
  where mvn >nul 2>nul
  if errorlevel 1 (
    echo satchel: Maven is missing. Install it and put its bin folder on the PATH. 1>&2
    exit /b 2
  )
  echo Building Satchel; this is done once. 1>&2
  pushd "%here%"
  call mvn -q -B -Dmaven.test.skip=true package
  if errorlevel 1 (
    popd
    exit /b 2
  )
  popd
  echo built> "%here%app\target\built"
)
"%java%" --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -Xss4m "-Dsatchel.folder=%here%." %SATCHEL_JAVA_OPTIONS% -cp "%here%app\target\classes;%here%vm-engine\target\classes;%here%image-tools\target\classes;%here%resources\target\classes;%here%app\target\lib\*" io.satchel.app.launch.Main %*
exit /b %errorlevel%

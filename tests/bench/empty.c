// A program that does nothing: started inside for the time of exec.
int main(void) {
    return 0;
}

/** The page: draws what the twin's API tells, or what a recording in the document itself has. */
import { render } from 'preact';
import { App } from './app.tsx';
import './engine-colours.css';
import './page.css';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);

import streamlit as st
st.text("soon")
